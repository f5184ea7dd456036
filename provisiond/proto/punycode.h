/*
 * Punycode (RFC 3492), the encoding inside "xn--" labels. libc only.
 */
#ifndef PV_PUNYCODE_H
#define PV_PUNYCODE_H

#include <stddef.h>
#include <stdint.h>

/* Decodes what stands after "xn--" in lower case; gives the number of characters written to RET, -1 for what is no
 * Punycode or has more than MAX characters. */
int pv_punycode_decode(uint32_t *ret, size_t max, const char *s, size_t len);

#endif
