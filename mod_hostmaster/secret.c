/*
 * The panel's random secrets. getrandom(2) and OpenSSL's SHA-256; no state.
 */
#include "secret.h"
#include <apr_escape.h>
#include <apr_strings.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

const char *hm_secret_make(apr_pool_t *p)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char raw[HM_SECRET_LEN];
    char *s = apr_palloc(p, HM_SECRET_LEN + 1);
    if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
        abort(); /* a kernel without randomness: nothing here may go on */
    for (int i = 0; i < HM_SECRET_LEN; i++)
        s[i] = digits[raw[i] & 63];
    s[HM_SECRET_LEN] = '\0';
    return s;
}

const char *hm_secret_hash(const char *secret, apr_pool_t *p)
{
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256((const unsigned char *)secret, strlen(secret), digest);
    return apr_pescape_hex(p, digest, sizeof(digest), 0);
}

int hm_secret_eq(const char *a, const char *b)
{
    size_t n = strlen(a);
    return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}
