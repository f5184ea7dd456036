/*
 * SHA-256 by OpenSSL. That it has the algorithm is an invariant: without it nothing is packed and nothing is believed.
 */
#include "worker/sum.h"
#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>

struct pv_sum {
    EVP_MD_CTX *ctx;
};

static void begin(pv_sum_t *sum)
{
    int begun = EVP_DigestInit_ex(sum->ctx, EVP_sha256(), NULL);
    assert(begun == 1);
}

pv_sum_t *pv_sum_make(void)
{
    pv_sum_t *sum = malloc(sizeof(*sum));
    if (!sum || !(sum->ctx = EVP_MD_CTX_new())) {
        free(sum);
        return NULL;
    }
    begin(sum);
    return sum;
}

void pv_sum_add(pv_sum_t *sum, const void *bytes, size_t len)
{
    EVP_DigestUpdate(sum->ctx, bytes, len);
}

void pv_sum_end(pv_sum_t *sum, char hex[PV_SUM_HEX])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    EVP_DigestFinal_ex(sum->ctx, raw, &len);
    for (unsigned i = 0; i < len && 2 * i + 2 < PV_SUM_HEX; i++)
        snprintf(hex + 2 * i, 3, "%02x", raw[i]);
    begin(sum);
}

void pv_sum_free(pv_sum_t *sum)
{
    if (sum)
        EVP_MD_CTX_free(sum->ctx);
    free(sum);
}
