/*
 * What the engine looks at in an answer of a site: its status, where it leads, who made it, and whether its title holds
 * some text. The bytes are a tenant's.
 */
#ifndef PV_ENGINE_PAGE_H
#define PV_ENGINE_PAGE_H

#include <apr_pools.h>

/* The status of an HTTP/1.x answer; 0 where it is none. */
int pv_page_status(const char *answer, size_t len);

/* The value of header NAME ("Location:"); "" where there is none. */
const char *pv_page_header(const char *answer, const char *name, apr_pool_t *p);

/* Is LOCATION the address of TARGET (path and query) at HOST (which names a port that is not 80)? */
int pv_page_is_at(const char *location, const char *host, const char *target);

/* Is it the page that httpd makes by itself for 503? Its first line is another in each version. */
int pv_page_is_httpds(const char *answer);

/*
 * Does the first <title> of PAGE (terminated) hold TEXT? Compared are letters and digits only, after character
 * references are resolved: a CMS makes typographic quotes, dashes and spaces of plain ones. A text without letters and
 * digits is always held.
 */
int pv_page_has_title(const char *page, const char *text, apr_pool_t *p);

#endif
