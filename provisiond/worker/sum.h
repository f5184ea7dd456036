/*
 * SHA-256 of what passes by, as 64 hex digits.
 */
#ifndef PV_WORKER_SUM_H
#define PV_WORKER_SUM_H

#include <stddef.h>

#define PV_SUM_HEX 65 /* with its terminator */

typedef struct pv_sum pv_sum_t;

pv_sum_t *pv_sum_make(void); /* begun; NULL without memory */
void pv_sum_add(pv_sum_t *sum, const void *bytes, size_t len);
void pv_sum_end(pv_sum_t *sum, char hex[PV_SUM_HEX]); /* and begins anew */
void pv_sum_free(pv_sum_t *sum);

#endif
