/*
 * What the engine looks at in an answer of a site: its status, and whether its title holds some text. The bytes are a
 * tenant's.
 */
#ifndef PV_ENGINE_PAGE_H
#define PV_ENGINE_PAGE_H

#include <apr_pools.h>

/* The status of an HTTP/1.x answer; 0 where it is none. */
int pv_page_status(const char *answer, size_t len);

/*
 * Does the first <title> of PAGE (terminated) hold TEXT? Compared are letters and digits only, after character
 * references are resolved: a CMS makes typographic quotes, dashes and spaces of plain ones. A text without letters and
 * digits is always held.
 */
int pv_page_has_title(const char *page, const char *text, apr_pool_t *p);

#endif
