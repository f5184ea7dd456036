/*
 * The decoder of RFC 3492 section 6.2 with the parameters of section 5. Input is a label of at most 59 bytes, so the
 * quadratic insertion does no harm.
 */
#include "proto/punycode.h"
#include <string.h>

enum { BASE = 36, TMIN = 1, TMAX = 26, SKEW = 38, DAMP = 700, FIRST_BIAS = 72, FIRST = 0x80, LAST = 0x10ffff };

static int digit(char c)
{
    return c >= 'a' && c <= 'z' ? c - 'a' : c >= '0' && c <= '9' ? c - '0' + 26 : -1;
}

static uint32_t adapt(uint32_t delta, uint32_t points, int first)
{
    uint32_t k = 0;
    delta = first ? delta / DAMP : delta / 2;
    delta += delta / points;
    for (; delta > (BASE - TMIN) * TMAX / 2; k += BASE)
        delta /= BASE - TMIN;
    return k + (BASE - TMIN + 1) * delta / (delta + SKEW);
}

/* One variable-length number; gives the bytes read, 0 for none or one out of range. */
static size_t number(uint32_t *ret, const char *s, size_t len, uint32_t bias)
{
    uint64_t value = 0, weight = 1;
    size_t at = 0;
    for (uint32_t k = BASE;; k += BASE) {
        int d = at < len ? digit(s[at++]) : -1;
        if (d < 0)
            return 0;
        value += (uint64_t)d * weight;
        uint32_t t = k <= bias ? TMIN : k >= bias + TMAX ? TMAX : k - bias;
        if (value > UINT32_MAX)
            return 0;
        if ((uint32_t)d < t)
            break;
        weight *= BASE - t;
        if (weight > UINT32_MAX)
            return 0;
    }
    *ret = (uint32_t)value;
    return at;
}

int pv_punycode_decode(uint32_t *ret, size_t max, const char *s, size_t len)
{
    const char *dash = memrchr(s, '-', len);
    size_t n = dash ? (size_t)(dash - s) : 0; /* characters so far: first the plain ones */
    if (n > max)
        return -1;
    for (size_t j = 0; j < n; j++)
        ret[j] = (unsigned char)s[j];

    const size_t start = n > 0 ? n + 1 : 0;
    uint64_t code = FIRST, place = 0;
    uint32_t bias = FIRST_BIAS;
    for (size_t at = start; at < len; place++) {
        uint32_t delta = 0;
        size_t used = number(&delta, s + at, len - at, bias);
        if (used == 0 || n == max)
            return -1;
        bias = adapt(delta, (uint32_t)n + 1, at == start);
        at += used;
        place += delta;
        code += place / (n + 1);
        place %= n + 1;
        if (code > LAST)
            return -1;
        memmove(ret + place + 1, ret + place, (n - place) * sizeof(*ret));
        ret[place] = (uint32_t)code;
        n++;
    }
    return (int)n;
}
