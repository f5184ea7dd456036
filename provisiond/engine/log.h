/*
 * One line of key=value on stderr: event=... first, text values quoted where they need it. FMT is the rest of the line,
 * such as "job=%lu step=%s"; what foreign programs or people said goes through pv_log_quote first.
 */
#ifndef PV_ENGINE_LOG_H
#define PV_ENGINE_LOG_H

#include <apr_pools.h>

void pv_log(const char *event, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* S as one quoted word: control bytes, quotes and backslashes escaped. */
const char *pv_log_quote(const char *s, apr_pool_t *p);

#endif
