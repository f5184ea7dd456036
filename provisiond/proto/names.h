/*
 * The checked values of the system: ids, host names, places. pv_X_parse is the only way to make one, and what writes a
 * configuration line, builds a path or starts a program takes these types, so that a forgotten check does not compile.
 *
 * Every parser reads exactly LEN bytes (no terminator needed), touches *RET only on success and returns APR_SUCCESS or
 * APR_EINVAL. The values are plain structs: copy, compare with pv_X_eq, print their `s` (always terminated, always
 * ASCII). Used by every program, root among them: libc only, no allocation.
 */
#ifndef PV_NAMES_H
#define PV_NAMES_H

#include <apr_errno.h>
#include <stddef.h>
#include <stdint.h>

/* An object: a letter (s site, p platform, v server) and 12 of a-z2-7, random, never changed, never a name. */
typedef struct {
    char s[14];
} pv_id_t;

/* A backup: 'b' and 12 of the same. */
typedef struct {
    char s[14];
} pv_bid_t;

/* One attempt of a task: 32 lower-case hex digits, not all zero. */
typedef struct {
    char s[33];
} pv_key_t;

/* A driver's folder: [a-z0-9]{1,16}. */
typedef struct {
    char s[17];
} pv_app_t;

/* One component of a path: [A-Za-z0-9][A-Za-z0-9._-]{0,63}. Cannot be "..", hidden or an option. */
typedef struct {
    char s[65];
} pv_comp_t;

/* A host name: lower-case A-labels, at least two, label 1..63, whole 1..253, no dot at the end. Upper case is folded. A
 * top label that begins with no letter (addresses) is refused, and so is an "xn--" label that is no Punycode of visible
 * characters. */
typedef struct {
    char s[254];
} pv_domain_t;

/* An IPv4 or IPv6 address, canonical text as inet_ntop writes it. */
typedef struct {
    char s[46];
} pv_addr_t;

/* A name of a server or platform: [a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?. */
typedef struct {
    char s[33];
} pv_label_t;

#define PV_PLACE_COMPS 4

/* A folder below a configured root: "INDEX:comp/comp[:docroot]", one to four components. */
typedef struct {
    unsigned root; /* index of a PlatformRoot (or SourceRoot) line of provisiond.conf, 0..15 */
    unsigned n;
    pv_comp_t comp[PV_PLACE_COMPS];
    pv_comp_t docroot; /* s[0] == 0: the folder itself */
} pv_place_t;

#define PV_PLACE_TEXT (4 + PV_PLACE_COMPS * 65 + 66)

typedef enum { PV_SERVER = 'v', PV_PLATFORM = 'p', PV_SITE = 's' } pv_kind_t;

/* How people name an object: @server_LABEL, @platform_LABEL or @DOMAIN. */
typedef struct {
    pv_kind_t kind;
    char s[256]; /* with the @ */
} pv_context_t;

apr_status_t pv_id_parse(pv_id_t *ret, const char *s, size_t len);
apr_status_t pv_bid_parse(pv_bid_t *ret, const char *s, size_t len);
apr_status_t pv_key_parse(pv_key_t *ret, const char *s, size_t len);
apr_status_t pv_app_parse(pv_app_t *ret, const char *s, size_t len);
apr_status_t pv_comp_parse(pv_comp_t *ret, const char *s, size_t len);
apr_status_t pv_domain_parse(pv_domain_t *ret, const char *s, size_t len);
apr_status_t pv_addr_parse(pv_addr_t *ret, const char *s, size_t len);
apr_status_t pv_label_parse(pv_label_t *ret, const char *s, size_t len);
apr_status_t pv_place_parse(pv_place_t *ret, const char *s, size_t len);
apr_status_t pv_context_parse(pv_context_t *ret, const char *s, size_t len);

/* A whole number in decimal, no sign, no leading zero, MIN..MAX. */
apr_status_t pv_num_parse(uint64_t *ret, const char *s, size_t len, uint64_t min, uint64_t max);

/* Well-formed UTF-8 without control characters (below 0x20, 0x7f, U+0080..U+009f, U+2028, U+2029); len <= max bytes. */
apr_status_t pv_text_check(const char *s, size_t len, size_t max);

/* A name ending in ".localhost" or equal to it; valid for a site only with AllowLocalhost on. */
int pv_domain_is_localhost(const pv_domain_t *d);

pv_kind_t pv_id_kind(const pv_id_t *id);
const char *pv_kind_name(pv_kind_t kind); /* "server", "platform", "site" */
int pv_id_eq(const pv_id_t *a, const pv_id_t *b);

/* Writes the text form of a place into BUF (PV_PLACE_TEXT bytes); returns BUF. */
const char *pv_place_text(char *buf, const pv_place_t *place);

/* New random names, from getrandom(2). APR_EGENERAL only where the kernel has no randomness to give. */
apr_status_t pv_id_make(pv_id_t *ret, pv_kind_t kind);
apr_status_t pv_bid_make(pv_bid_t *ret);
apr_status_t pv_key_make(pv_key_t *ret);

#endif
