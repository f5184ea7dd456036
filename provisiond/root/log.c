/*
 * Root's log: one line of key=value an event on stderr, written whole, in which no value can begin another line.
 */
#include "proto/utf8.h"
#include "root/root.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void pv_root_log(const char *event, const char *fmt, ...)
{
    char raw[2048], line[sizeof(raw)];
    va_list ap;
    int n = snprintf(raw, sizeof(raw), "event=%s ", event);
    va_start(ap, fmt);
    vsnprintf(raw + n, sizeof(raw) - (size_t)n, fmt, ap);
    va_end(ap);
    pv_utf8_clean(line, sizeof(line) - 1, raw, strlen(raw));
    strcat(line, "\n");
    if (write(STDERR_FILENO, line, strlen(line)) < 0)
        return; /* whoever read the log is gone: there is nobody left to tell */
}
