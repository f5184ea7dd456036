/*
 * Strict UTF-8, after table 3-7 of the Unicode standard. Trusts nothing, allocates nothing, used by every program.
 */
#include "proto/utf8.h"
#include <string.h>

size_t pv_utf8_next(uint32_t *ret, const char *s, size_t len)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}; /* by length; anything smaller is overlong */
    const unsigned char *u = (const unsigned char *)s;
    if (len == 0)
        return 0;
    size_t n = u[0] < 0x80 ? 1 : u[0] < 0xc0 ? 0 : u[0] < 0xe0 ? 2 : u[0] < 0xf0 ? 3 : u[0] < 0xf8 ? 4 : 0;
    if (n == 0 || n > len)
        return 0;
    uint32_t c = n == 1 ? u[0] : u[0] & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((u[i] & 0xc0) != 0x80)
            return 0;
        c = c << 6 | (u[i] & 0x3f);
    }
    if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
        return 0;
    *ret = c;
    return n;
}

int pv_utf8_is_control(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0x2028 || c == 0x2029;
}

void pv_utf8_clean(char *to, size_t size, const char *from, size_t len)
{
    size_t used = 0;
    for (size_t at = 0; at < len;) {
        uint32_t c = 0;
        size_t n = pv_utf8_next(&c, from + at, len - at);
        int bad = n == 0 || pv_utf8_is_control(c);
        size_t need = bad ? 1 : n;
        if (used + need >= size)
            break;
        memcpy(to + used, bad ? " " : from + at, need);
        used += need;
        at += n ? n : 1;
    }
    to[used] = '\0';
}
