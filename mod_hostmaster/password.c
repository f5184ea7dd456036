/*
 * Checks passwords, slowly on purpose: bcrypt of cost 11 is 0.13 s of one core, so the number at a time is bounded, and
 * wrong ones make their account and their address wait. Runs outside of transactions, so that nobody waits for the
 * arithmetic.
 */
#include "password.h"
#include "db.h"
#include "panel.h"
#include "stmts.h"
#include <apr_general.h>
#include <apr_md5.h>
#include <apr_strings.h>
#include <errno.h>
#include <string.h>
#include <time.h>

#define COST      11
#define FREE      5
#define DELAY_MAX 900

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
    if (wait > 0 && *tries > FREE)
        return pv_fail(&q->err, PV_BUSY, NULL, "too many wrong logins; try again in %d seconds",
                       (int)(wait / 1000000) + 1);
    return APR_SUCCESS;
}

static apr_status_t delay_grow(hm_req_t *q, const char *who, int64_t tries)
{
    int64_t seconds = tries + 1 <= FREE ? DELAY_MAX : (int64_t)1 << (tries + 1 - FREE > 10 ? 10 : tries + 1 - FREE);
    int64_t until = hm_db_now() + (seconds > DELAY_MAX ? DELAY_MAX : seconds) * 1000000;
    if (tries > 0)
        return hm_sql_delay_set(q->db, &q->err, tries + 1, until, who);
    if (hm_sql_delay_add(q->db, &q->err, who, 1, until) == APR_SUCCESS || hm_db_unique(q->db))
        return APR_SUCCESS;
    return APR_EGENERAL;
}

apr_status_t hm_password_login(hm_req_t *q, const char *login, const char *password, int64_t *account)
{
    char *name = apr_pstrdup(q->p, login);
    json_t *rows;
    int64_t by_name, by_peer;
    int right = 0;
    ap_str_tolower(name);
    const char *who_name = apr_psprintf(q->p, "a:%.120s", name),
               *who_peer = apr_pstrcat(q->p, "p:", q->r->useragent_ip, NULL);
    apr_status_t rv = hm_req_db(q);
    if (rv == APR_SUCCESS)
        rv = delay_look(q, who_name, &by_name);
    if (rv == APR_SUCCESS)
        rv = delay_look(q, who_peer, &by_peer);
    if (rv == APR_SUCCESS)
        rv = hm_sql_account_by_login(q->db, &rows, &q->err, name, name);
    const json_t *row = rv == APR_SUCCESS ? json_array_get(rows, 0) : NULL;
    if (rv == APR_SUCCESS)
        rv = hm_password_check(q, password, hm_row_s(row, "password"), &right);
    if (rv != APR_SUCCESS)
        return rv;
    if (!right) {
        if (delay_grow(q, who_name, by_name) != APR_SUCCESS || delay_grow(q, who_peer, by_peer) != APR_SUCCESS)
            return APR_EGENERAL;
        return pv_fail(&q->err, PV_DENIED, NULL, "name or password is wrong");
    }
    *account = hm_row_n(row, "id");
    return hm_sql_delay_clear(q->db, &q->err, who_name);
}
