/*
 * The engine's log: one write a line, so that lines of several processes on the same stderr do not mix. No state of its
 * own.
 */
#include "engine/log.h"
#include <apr_strings.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

void pv_log(const char *event, const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    int head = snprintf(line, sizeof(line), "event=%s ", event);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line + head, sizeof(line) - (size_t)head - 1, fmt, ap);
    va_end(ap);
    size_t len = strlen(line);
    line[len++] = '\n';
    if (write(STDERR_FILENO, line, len) < 0)
        return; /* whoever read the log is gone; the work goes on */
}

const char *pv_log_quote(const char *s, apr_pool_t *p)
{
    char *out = apr_palloc(p, 4 * strlen(s) + 3), *o = out;
    *o++ = '"';
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        if (c < 0x20 || c == 0x7f)
            o += sprintf(o, "\\x%02x", c);
        else {
            if (c == '"' || c == '\\')
                *o++ = '\\';
            *o++ = (char)c;
        }
    }
    *o++ = '"';
    *o = '\0';
    return out;
}
