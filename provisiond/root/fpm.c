/*
 * See fpm.h. A crash leaves at most a master that no live file names; the next success retires it.
 */
#include "root/fpm.h"
#include "root/files.h"
#include "root/render.h"
#include "root/run.h"
#include <apr_strings.h>
#include <apr_tables.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define START_SECONDS 30
#define PROCESSES     256
#define TEST_FILE     "test.conf"

static const char *folder_path(const pv_root_t *root, uint64_t rev, apr_pool_t *p)
{
    return apr_psprintf(p, "%s/fpm/%" PRIu64, root->conf->RunDir, rev);
}

int pv_fpm_standing(const pv_root_t *root, uint64_t rev[PV_MASTERS_MAX], apr_pool_t *p)
{
    const struct pv_config *config = root->config;
    const char *text = pv_tree_read(config->tree[PV_TREE_HTTPD].live, PV_REVISION, p);
    if (!text)
        return -1;
    for (int k = 0; k < PV_MASTERS_MAX; k++) {
        const char *define = apr_psprintf(p, "Define FPM%d %s/fpm/", k, root->conf->RunDir);
        const char *at = strstr(text, define);
        rev[k] = at ? strtoull(at + strlen(define), NULL, 10) : 0;
    }
    return 0;
}

apr_status_t pv_fpm_revision(const char **ret, const pv_root_t *root, uint64_t rev,
                             const uint64_t standing[PV_MASTERS_MAX], pv_err_t *err, apr_pool_t *p)
{
    pv_words_t *w = apr_palloc(p, sizeof(*w));
    const char *masters = "";
    for (int k = 0; k < root->config->masters; k++)
        masters = apr_psprintf(p, "%sDefine FPM%d %s\n", masters, k, folder_path(root, standing[k], p));
    pv_words_init(w, PV_HTTPD_CONFIG, p);
    pv_word_num(w, "REV", rev);
    pv_word_block(w, "MASTERS", masters);
    return pv_render(ret, w, root->templates, "httpd/revision.conf", err);
}

const char *pv_fpm_pools(const pv_root_t *root, int k, const pv_changes_t *set, apr_pool_t *p)
{
    const struct pv_config *config = root->config;
    apr_array_header_t *part = apr_array_make(p, 64, sizeof(const char *));
    char **file;
    if (pv_dir_list(&file, config->tree[PV_TREE_FPM].live, p) != 0)
        return NULL;
    for (; *file; file++) {
        pv_id_t id;
        int changed = !pv_tree_id(&id, *file) || pv_shard(config, &id) != k;
        for (int i = 0; !changed && i < set->n; i++)
            changed = set->row[i].text[PV_TREE_FPM] && pv_id_eq(&set->row[i].id, &id);
        const char *text = changed ? "" : pv_tree_read(config->tree[PV_TREE_FPM].live, *file, p);
        if (!text)
            return NULL;
        APR_ARRAY_PUSH(part, const char *) = text;
    }
    for (int i = 0; i < set->n; i++)
        if (set->row[i].text[PV_TREE_FPM] && pv_shard(config, &set->row[i].id) == k)
            APR_ARRAY_PUSH(part, const char *) = set->row[i].text[PV_TREE_FPM];
    return apr_array_pstrcat(p, part, 0);
}

/* The configuration of a master: the global part and its pools. */
static apr_status_t master_text(const char **ret, const pv_root_t *root, const char *pid_path, const char *pools,
                                pv_err_t *err, apr_pool_t *p)
{
    pv_words_t *w = apr_palloc(p, sizeof(*w));
    pv_words_init(w, PV_FPM_CONFIG, p);
    pv_word_path(w, "PID", pid_path, NULL);
    pv_word_path(w, "LOG", root->conf->LogDir, "/php-fpm.log", NULL);
    apr_status_t rv = pv_render(ret, w, root->templates, "php-fpm/global.conf", err);
    if (rv == APR_SUCCESS)
        *ret = apr_pstrcat(p, *ret, pools, NULL);
    return rv;
}

/* A site's processes, whatever they start: its pool's and its workers' count together. The master is root's and exempt.
 */
static int limit_processes(void *ctx)
{
    return setrlimit(RLIMIT_NPROC, &(struct rlimit){PROCESSES, PROCESSES});
}

/* OPTION is -t or -D. Settings that no pool may weaken stand here: the opcode cache is shared by the pools of a master.
 */
static apr_status_t run_fpm(const pv_root_t *root, const char *option, const char *file, const char *prefix,
                            pv_err_t *err, apr_pool_t *p)
{
    const char *argv[] = {root->conf->FpmProgram,
                          option,
                          "-y",
                          file,
                          "-p",
                          prefix,
                          "-d",
                          "opcache.validate_permission=1",
                          "-d",
                          "opcache.validate_root=1",
                          "-d",
                          "opcache.restrict_api=/nonexistent",
                          "-d",
                          "opcache.file_cache=",
                          "-d",
                          "ffi.enable=0",
                          "-d",
                          "expose_php=0",
                          NULL};
    const pv_run_how_t how = {.null = root->config->null, .setup = limit_processes};
    apr_status_t rv = APR_SUCCESS;
    pv_run_t run;
    if (pv_run_start(&run, argv, &how) != 0)
        return pv_fail(err, PV_INTERNAL, NULL, "%s cannot be run: %s", argv[0], strerror(errno));
    if (pv_run_wait(&run, START_SECONDS) != 0)
        rv = pv_fail(err, PV_FPM_CONFIG, NULL, "%s", pv_run_message(&run, p));
    pv_run_close(&run);
    return rv;
}

apr_status_t pv_fpm_test(const pv_root_t *root, const pv_changes_t *set, int n, pv_err_t *err, apr_pool_t *p)
{
    const struct pv_config *config = root->config;
    const char *pools = "", *text, *prefix = apr_pstrcat(p, root->conf->RunDir, "/fpm", NULL);
    for (int i = 0; i < n; i++)
        if (set->row[i].text[PV_TREE_FPM])
            pools = apr_pstrcat(p, pools, set->row[i].text[PV_TREE_FPM], NULL);
    if (!*pools)
        return APR_SUCCESS;
    apr_status_t rv = master_text(&text, root, apr_pstrcat(p, prefix, "/test.pid", NULL), pools, err, p);
    if (rv != APR_SUCCESS)
        return rv;
    if (pv_tree_write(config->run_fpm, TEST_FILE, text) != 0)
        return pv_fail(err, PV_INTERNAL, NULL, "%s/%s cannot be written: %s", prefix, TEST_FILE, strerror(errno));
    rv = run_fpm(root, "-t", apr_pstrcat(p, prefix, "/" TEST_FILE, NULL), prefix, err, p);
    pv_file_remove(config->run_fpm, TEST_FILE);
    return rv;
}

int pv_fpm_attach(const pv_root_t *root, pv_unit_t *unit, int k, uint64_t rev)
{
    pv_daemon_t *d = &unit->daemon;
    char name[24];
    if (d->dir >= 0)
        close(d->dir);
    if (d->pidfd >= 0)
        close(d->pidfd);
    snprintf(name, sizeof(name), "%" PRIu64, rev);
    snprintf(unit->pid_file, sizeof(unit->pid_file), "master%d.pid", k);
    snprintf(unit->mark, sizeof(unit->mark), "%s/fpm/%" PRIu64 "/master%d.conf", root->conf->RunDir, rev, k);
    *d = (pv_daemon_t){.program = root->config->fpm_program,
                       .mark = unit->mark,
                       .dir = rev ? pv_dir_open(root->config->run_fpm, name) : -1,
                       .pid_file = unit->pid_file,
                       .pidfd = -1};
    return d->dir >= 0 ? 0 : -1;
}

apr_status_t pv_fpm_restart(pv_root_t *root, int k, pv_err_t *err, apr_pool_t *p)
{
    pv_unit_t *unit = &root->config->unit[1 + k];
    const char *file = unit->daemon.mark;
    const char *prefix = apr_pstrmemdup(p, file, (apr_size_t)(strrchr(file, '/') - file));
    if (pv_daemon_clear(&unit->daemon, root->config->proc) != 0)
        return pv_fail(err, PV_FPM_CONFIG, NULL, "processes of a PHP-FPM master that died cannot be ended: %s",
                       strerror(errno));
    apr_status_t rv = run_fpm(root, "-D", file, prefix, err, p);
    if (rv == APR_SUCCESS && !pv_daemon_find(&unit->daemon, root->config->proc))
        rv = pv_fail(err, PV_FPM_CONFIG, NULL, "PHP-FPM ended right after its start; %s/php-fpm.log says why",
                     root->conf->LogDir);
    return rv;
}

apr_status_t pv_fpm_start(pv_root_t *root, int k, uint64_t rev, const char *pools, pv_err_t *err, apr_pool_t *p)
{
    struct pv_config *config = root->config;
    const char *text, *path = folder_path(root, rev, p);
    char name[24], file[24];
    snprintf(name, sizeof(name), "%" PRIu64, rev);
    snprintf(file, sizeof(file), "master%d.conf", k);
    apr_status_t rv = master_text(&text, root, apr_psprintf(p, "%s/master%d.pid", path, k), pools, err, p);
    if (rv != APR_SUCCESS)
        return rv;
    int folder = pv_dir_make(config->run_fpm, name, 0711, 0, 0);
    if (folder < 0 || pv_file_write(folder, file, text, strlen(text), 0600, 0, 0) != 0 ||
        pv_fpm_attach(root, &config->unit[1 + k], k, rev) != 0)
        rv = pv_fail(err, PV_INTERNAL, NULL, "%s/%s cannot be written: %s", path, file, strerror(errno));
    if (folder >= 0)
        close(folder);
    return rv == APR_SUCCESS ? pv_fpm_restart(root, k, err, p) : rv;
}

int pv_fpm_forget(const struct pv_config *config, uint64_t rev, apr_pool_t *p)
{
    char name[24], **file;
    snprintf(name, sizeof(name), "%" PRIu64, rev);
    int folder = pv_dir_open(config->run_fpm, name);
    int rv = folder < 0 ? -1 : pv_dir_list(&file, folder, p);
    for (; rv == 0 && *file; file++)
        rv = unlinkat(folder, *file, 0);
    if (folder >= 0)
        close(folder);
    return rv == 0 ? unlinkat(config->run_fpm, name, AT_REMOVEDIR) : -1;
}
