/*
 * Checks passwords, slowly on purpose: bcrypt of cost 11 is 0.13 s of one core, so the number at a time is bounded, and
 * wrong ones make their account and their address wait. Runs outside of transactions, so that nobody waits for the
 * arithmetic.
 */
#include "password.h"
#include "db.h"
#include "panel.h"
#include "secret.h"
#include "stmts.h"
#include <apr_general.h>
#include <apr_md5.h>
#include <apr_strings.h>
#include <errno.h>
#include <http_config.h>
#include <http_log.h>
#include <string.h>
#include <time.h>

APLOG_USE_MODULE(hostmaster);

#define COST     11
#define FREE     5
#define WAIT_MAX 900 /* seconds; and how long wrong ones are remembered beyond their wait */

/* Of no password anybody has: unknown names cost what known ones do. */
static const char nobody[] = "$2y$11$abcdefghijklmnopqrstuuW1fJrGkE3YcXy4kFQyXo8i7vJm1qJ3i";

static apr_status_t turn_take(hm_req_t *q)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    while (sem_timedwait(&q->panel->hashing, &until) != 0)
        if (errno != EINTR)
            return pv_fail(&q->err, PV_BUSY, NULL, "too many logins at once; try again in a few seconds");
    return APR_SUCCESS;
}

apr_status_t hm_password_hash(const char **ret, hm_req_t *q, const char *password)
{
    unsigned char salt[16];
    char *out = apr_palloc(q->p, 64);
    size_t len = strlen(password);
    if (len < 12 || len > 72)
        return pv_fail(&q->err, PV_SCHEMA, "new", "a password has 12 to 72 bytes, this one has %lu",
                       (unsigned long)len);
    apr_status_t rv = turn_take(q);
    if (rv != APR_SUCCESS)
        return rv;
    apr_generate_random_bytes(salt, sizeof(salt));
    rv = apr_bcrypt_encode(password, COST, salt, sizeof(salt), out, 64);
    sem_post(&q->panel->hashing);
    if (rv != APR_SUCCESS)
        return pv_fail(&q->err, PV_INTERNAL, NULL, "bcrypt failed");
    *ret = out;
    return APR_SUCCESS;
}

apr_status_t hm_password_check(hm_req_t *q, const char *password, const char *hash, int *right)
{
    /* bcrypt cuts at 72 bytes; longer ones are wrong, not cut. */
    int possible = hash[0] != '\0' && strlen(password) <= 72;
    apr_status_t rv = turn_take(q);
    if (rv != APR_SUCCESS)
        return rv;
    int same = apr_password_validate(password, possible ? hash : nobody) == APR_SUCCESS;
    sem_post(&q->panel->hashing);
    *right = possible && same;
    return APR_SUCCESS;
}

/* After the fifth wrong one each next must wait, twice as long each time. */
static int64_t wait_after(int64_t tries)
{
    int64_t seconds = tries < FREE ? 0 : (int64_t)1 << (tries - FREE > 9 ? 10 : tries - FREE + 1);
    return (seconds > WAIT_MAX ? WAIT_MAX : seconds) * APR_USEC_PER_SEC;
}

static apr_status_t delay_look(hm_req_t *q, const char *who, int64_t *tries)
{
    json_t *rows;
    apr_status_t rv = hm_sql_delay_get(q->db, &rows, &q->err, who);
    *tries = 0;
    if (rv != APR_SUCCESS || json_array_size(rows) == 0)
        return rv;
    const json_t *row = json_array_get(rows, 0);
    int64_t wait = hm_row_n(row, "until_t") - hm_db_now();
    *tries = hm_row_n(row, "tries");
    if (wait <= 0)
        return APR_SUCCESS;
    q->retry_after = (int)(wait / APR_USEC_PER_SEC) + 1;
    return pv_fail(&q->err, PV_BUSY, NULL, "too many wrong logins; try again in %d seconds", q->retry_after);
}

/* Counts in the database, so that wrong ones at the same time all count. */
static apr_status_t delay_grow(hm_req_t *q, const char *who, int64_t tries)
{
    int64_t until = hm_db_now() + wait_after(tries + 1);
    if (tries > 0)
        return hm_sql_delay_grow(q->db, &q->err, until, who);
    apr_status_t rv = hm_sql_delay_add(q->db, &q->err, who, until);
    return rv != APR_SUCCESS && hm_db_unique(q->db) ? hm_sql_delay_grow(q->db, &q->err, until, who) : rv;
}

static apr_status_t wrong(hm_req_t *q, const char *name, const char *who, int64_t by_who, const char *peer,
                          int64_t by_peer)
{
    apr_status_t rv = delay_grow(q, who, by_who);
    if (rv == APR_SUCCESS)
        rv = delay_grow(q, peer, by_peer);
    if (rv != APR_SUCCESS)
        return rv;
    ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, q->r, "HM0024: wrong login as '%s'", name);
    return pv_fail(&q->err, PV_DENIED, NULL, "name or password is wrong");
}

apr_status_t hm_password_login(hm_req_t *q, const char *login, const char *password, int64_t *account)
{
    char *name = apr_pstrdup(q->p, login);
    const char *who, *peer = apr_pstrcat(q->p, "p:", q->r->useragent_ip, NULL);
    json_t *rows;
    int64_t by_who, by_peer;
    int right = 0;
    ap_str_tolower(name);
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = hm_sql_delay_prune(q->db, &q->err, hm_db_now() - WAIT_MAX * APR_USEC_PER_SEC);
    if (rv == APR_SUCCESS)
        rv = hm_sql_account_by_login(q->db, &rows, &q->err, name, name);
    if (rv != APR_SUCCESS)
        return rv;
    const json_t *row = json_array_get(rows, 0);
    who = apr_pstrcat(q->p, "a:", row ? hm_row_s(row, "login") : hm_secret_hash(name, q->p), NULL);
    if ((rv = delay_look(q, who, &by_who)) != APR_SUCCESS || (rv = delay_look(q, peer, &by_peer)) != APR_SUCCESS ||
        (rv = hm_password_check(q, password, hm_row_s(row, "password"), &right)) != APR_SUCCESS)
        return rv;
    if (!right)
        return wrong(q, name, who, by_who, peer, by_peer);
    *account = hm_row_n(row, "id");
    return hm_sql_delay_clear(q->db, &q->err, who);
}
