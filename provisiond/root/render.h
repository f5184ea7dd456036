/*
 * Configuration text from root's templates and typed values. A template's words are @NAME@; the only way to give one a
 * value is a function below, each of which takes a checked type, so that nothing but ids, host names, addresses,
 * numbers and root's own paths can reach a configuration file. A line with a word whose value is empty is left out; an
 * unknown word is an error.
 */
#ifndef PV_ROOT_RENDER_H
#define PV_ROOT_RENDER_H

#include "proto/error.h"
#include "proto/names.h"
#include <apr_pools.h>

#define PV_WORDS 24

typedef struct {
    apr_pool_t *p;  /* the values' */
    pv_code_t code; /* of an error: HTTPD_CONFIG or FPM_CONFIG */
    int n;
    struct {
        const char *name, *value;
    } word[PV_WORDS];
} pv_words_t;

void pv_words_init(pv_words_t *words, pv_code_t code, apr_pool_t *p);
void pv_word_none(pv_words_t *words, const char *name);
void pv_word_id(pv_words_t *words, const char *name, const pv_id_t *id);
void pv_word_num(pv_words_t *words, const char *name, uint64_t n);
void pv_word_domains(pv_words_t *words, const char *name, const pv_domain_t *const *d, int n);

/* HOST or HOST:PORT, without the port where it is 80. */
void pv_word_authority(pv_words_t *words, const char *name, const pv_domain_t *host, unsigned port);

/* ADDR:PORT ..., *:PORT without addresses, as <VirtualHost> takes it. */
void pv_word_listen(pv_words_t *words, const char *name, const pv_addr_t *addr, int n, unsigned port);

/* A path made of root's configuration and checked components: apr_pstrcat's arguments, ending in NULL. */
void pv_word_path(pv_words_t *words, const char *name, ...) __attribute__((sentinel));

/* Text that was rendered by this function. */
void pv_word_block(pv_words_t *words, const char *name, const char *block);

const char *pv_word_value(const pv_words_t *words, const char *name); /* NULL: there is no such word */

/* DIR/NAME rendered; *RET in words->p. The error names the template's line. */
apr_status_t pv_render(const char **ret, const pv_words_t *words, int dir, const char *name, pv_err_t *err);

/* Can this path stand in a configuration file, quoted or not? */
int pv_path_plain(const char *path);

#endif
