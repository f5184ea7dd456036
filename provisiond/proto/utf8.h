/*
 * One character of UTF-8 at a time, strictly: no overlong forms, no surrogates, nothing above U+10FFFF. libc only.
 */
#ifndef PV_UTF8_H
#define PV_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* The character that S begins with, and its length in bytes; 0 where the LEN bytes begin with none. */
size_t pv_utf8_next(uint32_t *ret, const char *s, size_t len);

/* C0, DEL, C1, and the separators U+2028 and U+2029, which some readers take for the end of a line. */
int pv_utf8_is_control(uint32_t c);

/* Copies FROM into TO (SIZE bytes, terminated) as one line of text: a control character or a byte that is no UTF-8
 * becomes a space, what does not fit is cut at a character's border. */
void pv_utf8_clean(char *to, size_t size, const char *from, size_t len);

#endif
