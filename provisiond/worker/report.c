/*
 * The report on descriptor 3. File names are any bytes, so every text is made UTF-8 before it becomes JSON.
 */
#include "proto/utf8.h"
#include "worker/worker.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#define REPORT   3
#define TEXT_MAX 2048

/* Writes one line and gives up its reference. */
static int put(json_t *line)
{
    int rc = line ? json_dumpfd(line, REPORT, JSON_COMPACT) : -1;
    json_decref(line);
    return rc == 0 && dprintf(REPORT, "\n") == 1 ? 0 : -1;
}

static json_t *text(const char *s)
{
    char clean[TEXT_MAX];
    pv_utf8_clean(clean, sizeof(clean), s, strlen(s));
    return json_string(clean);
}

void pv_report_log(const char *level, const char *fmt, ...)
{
    char line[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    put(json_pack("{s:s, s:s, s:o}", "t", "log", "level", level, "text", text(line)));
}

void pv_report_fact(const char *name, const char *value)
{
    put(json_pack("{s:s, s:s, s:o}", "t", "fact", "name", name, "value", text(value)));
}

int pv_report_fail(pv_code_t code, const char *field, const char *fmt, ...)
{
    char line[TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    put(json_pack("{s:s, s:s, s:s, s:o}", "t", "error", "code", pv_error_row(code)->name, "field", field, "text",
                  text(line)));
    return -1;
}

int pv_report_errno(int fd, const char *field, const char *what)
{
    int e = errno;
    struct statvfs fs;
    pv_code_t code = e == EACCES ? PV_NOT_READABLE : PV_INTERNAL;
    if (e == ENOSPC || e == EDQUOT)
        code = fstatvfs(fd, &fs) == 0 && fs.f_files > 0 && fs.f_favail == 0 ? PV_INODES_FULL : PV_DISK_FULL;
    return pv_report_fail(code, field, "%s: %s", what, strerror(e));
}

int pv_report_end(int ok)
{
    return put(json_pack("{s:s, s:b}", "t", "end", "ok", ok));
}

int pv_request_take(const json_t *request, const char *fmt, ...)
{
    json_error_t error;
    va_list ap;
    va_start(ap, fmt);
    int rc = json_vunpack_ex((json_t *)request, &error, JSON_STRICT, fmt, ap);
    va_end(ap);
    return rc == 0 ? 0 : pv_report_fail(PV_INTERNAL, "", "request: %s", error.text);
}
