/*
 * The configuration place's way in: its folders, operations publish and served, and the slot, the one child at a time
 * that changes what httpd and PHP-FPM run. A child that dies without a report is recovered from here; its request is
 * answered RETRY_LATER.
 */
#include "root/config.h"
#include "root/args.h"
#include "root/change.h"
#include "root/files.h"
#include "root/fpm.h"
#include "root/listen.h"
#include "root/render.h"
#include "root/retire.h"
#include "root/slot.h"
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

struct pv_slot {
    pid_t pid; /* 0: free */
    int pipe;
    pv_slot_done_fn *done;
    void *ctx;
    pv_dgram_head_t head;    /* of the publish that runs */
    pv_dgram_head_t waiting; /* of one that waits for the slot; op 0: none */
};

static void child_run(pv_root_t *root, pv_slot_fn *fn, void *ctx, int out, pid_t parent)
{
    pv_report_t report;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    fn(root, &report, ctx);
    _exit(write(out, &report, sizeof(report)) == sizeof(report) ? 0 : 1);
}

int pv_slot_start(pv_root_t *root, pv_slot_fn *fn, pv_slot_done_fn *done, void *ctx)
{
    struct pv_slot *slot = root->config->slot;
    pid_t self = getpid();
    int pipe[2];
    if (slot->pid || pipe2(pipe, O_CLOEXEC) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0)
        child_run(root, fn, ctx, pipe[1], self);
    close(pipe[1]);
    if (pid < 0) {
        close(pipe[0]);
        return -1;
    }
    *slot = (struct pv_slot){
        .pid = pid, .pipe = pipe[0], .done = done, .ctx = ctx, .head = slot->head, .waiting = slot->waiting};
    return 0;
}

int pv_slot_busy(const pv_root_t *root)
{
    return root->config->slot->pid != 0;
}

static void publish_child(pv_root_t *root, pv_report_t *report, void *ctx)
{
    pv_publish(root, report);
}

static void settle(pv_root_t *root)
{
    for (int t = 0; t < PV_TREES; t++)
        if (pv_tree_settle(&root->config->tree[t], root->tmp) != 0)
            pv_root_log("config.settle", "tree=%s error=\"%s\"", root->config->tree[t].name, strerror(errno));
}

static void publish_done(pv_root_t *root, const pv_report_t *report, void *ctx)
{
    struct pv_config *config = root->config;
    pv_answer_t answer = {.later = 0};
    if (!report) {
        config->served = 0; /* httpd may have been told something that is no more */
        if (pv_changes_recover(root, root->tmp) != 0)
            pv_root_log("config.recover", "error=\"%s\"", strerror(errno));
        pv_answer_fail(&answer, PV_RETRY_LATER, "the process that publishes was killed; nothing is lost");
    } else {
        answer.reply = report->reply;
        answer.more = report->culprit[0] ? report->culprit : NULL;
    }
    if (report && report->reply.code == PV_OK) {
        config->served = report->reply.a;
        settle(root);
    }
    pv_supervise(root);
    if (report && report->reply.code == PV_OK)
        pv_retire_others(root);
    pv_root_answer(root, &config->slot->head, &answer);
}

static void publish_start(pv_root_t *root, const pv_dgram_head_t *head, pv_answer_t *answer)
{
    struct pv_slot *slot = root->config->slot;
    pv_retire_snapshot(root);
    if (pv_slot_start(root, publish_child, publish_done, NULL) != 0) {
        answer->later = 0;
        pv_answer_errno(answer, "starting the process that publishes");
        return;
    }
    slot->head = *head;
}

void pv_op_publish(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    struct pv_slot *slot = root->config->slot;
    answer->later = 1;
    if (!slot->pid) {
        publish_start(root, &m->head, answer);
    } else if (!slot->waiting.op) {
        slot->waiting = m->head;
    } else {
        answer->later = 0;
        pv_answer_fail(answer, PV_BUSY, "another publish waits already");
    }
}

static void start_waiting(pv_root_t *root)
{
    struct pv_slot *slot = root->config->slot;
    pv_dgram_head_t head = slot->waiting;
    pv_answer_t answer = {.later = 1};
    if (slot->pid || !head.op)
        return;
    slot->waiting.op = 0;
    publish_start(root, &head, &answer);
    if (!answer.later)
        pv_root_answer(root, &head, &answer);
}

int pv_config_reaped(pv_root_t *root, pid_t pid, int status)
{
    struct pv_slot *slot = root->config->slot;
    pv_report_t report;
    if (!slot->pid || pid != slot->pid)
        return 0;
    int told = read(slot->pipe, &report, sizeof(report)) == sizeof(report);
    close(slot->pipe);
    slot->pid = 0;
    slot->done(root, told ? &report : NULL, slot->ctx);
    start_waiting(root);
    return 1;
}

/* Does httpd listen on PORT? The kernel's list is long to read, and sites ask for their port by the hundred: what was
 * found counts for a second. */
static int listens_on(struct pv_config *config, unsigned port)
{
    const pv_daemon_t *d = &config->unit[0].daemon;
    struct pv_found *found = &config->found;
    apr_time_t now = apr_time_now();
    if (found->pid != d->pid || found->port != port || now - found->at > APR_USEC_PER_SEC || now < found->at) {
        pv_listen_t listens[PV_LISTENS_MAX];
        int n = pv_listens(config->proc, d->pid, listens);
        while (n > 0 && pv_listen_port(&listens[n - 1]) != port)
            n--;
        *found = (struct pv_found){.pid = n > 0 ? d->pid : 0, .port = port, .at = now};
    }
    return found->pid != 0;
}

void pv_op_served(pv_root_t *root, const pv_dgram_t *m, pv_answer_t *answer)
{
    struct pv_config *config = root->config;
    const pv_daemon_t *d = &config->unit[0].daemon;
    unsigned port = (unsigned)pv_arg_num(m, 0);
    answer->reply.a = config->served;
    answer->reply.b = (uint64_t)d->pid;
    if (d->pidfd < 0)
        pv_answer_fail(answer, PV_NOT_SERVED, "the sites httpd does not run");
    else if (port && !listens_on(config, port))
        pv_answer_fail(answer, PV_NOT_SERVED, "the sites httpd does not listen on port %u; add 'Listen %u' to %s", port,
                       port, root->conf->HttpdConfig);
}

/* Paths go into configuration text; what cannot stand there unquoted is refused at the start. */
static int check_paths(const pv_conf_t *conf)
{
    const char *path[] = {conf->RunDir,      conf->StateDir,     conf->SitesRoot,  conf->LogDir,
                          conf->HttpdConfig, conf->HttpdPidFile, conf->FpmProgram, conf->HttpdProgram};
    for (size_t i = 0; i < sizeof(path) / sizeof(path[0]); i++)
        if (!pv_path_plain(path[i])) {
            pv_root_log("config.open", "path=\"%s\" error=\"use only letters, digits and . _ - : /\"", path[i]);
            return -1;
        }
    for (int i = 0; i < conf->PlatformRoot.n; i++)
        if (!pv_path_plain(conf->PlatformRoot.path[i])) {
            pv_root_log("config.open", "path=\"%s\" error=\"use only letters, digits and . _ - : /\"",
                        conf->PlatformRoot.path[i]);
            return -1;
        }
    return 0;
}

static const char *resolve(const pv_root_t *root, const char *program)
{
    char path[PATH_MAX];
    return realpath(program, path) ? apr_pstrdup(root->p, path) : NULL;
}

/* The programs, the folder of httpd's pid file, and httpd as a unit. */
static int open_programs(pv_root_t *root)
{
    const char *file = root->conf->HttpdPidFile, *name = strrchr(file, '/') + 1;
    struct pv_config *config = root->config;
    config->fpm_program = resolve(root, root->conf->FpmProgram);
    config->unit[0].daemon =
        (pv_daemon_t){.program = resolve(root, root->conf->HttpdProgram),
                      .mark = root->conf->HttpdConfig,
                      .dir = pv_dir_make_path(apr_pstrmemdup(root->tmp, file, (apr_size_t)(name - 1 - file)), 0755),
                      .pid_file = name,
                      .pidfd = -1};
    const pv_daemon_t *httpd = &config->unit[0].daemon;
    return config->fpm_program && httpd->program && httpd->dir >= 0 ? 0 : -1;
}

static int open_folders(pv_root_t *root)
{
    struct pv_config *config = root->config;
    config->live = apr_pstrcat(root->p, root->conf->StateDir, "/httpd/live", NULL);
    config->proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    config->null = open("/dev/null", O_RDWR | O_CLOEXEC);
    config->run_fpm = pv_dir_make(root->run, "fpm", 0711, 0, 0);
    int logs = pv_dir_make(root->log, "httpd", 0750, 0, 0); /* what visitors of one site ask for is no other site's */
    if (config->proc < 0 || config->null < 0 || config->run_fpm < 0 || logs < 0)
        return -1;
    close(logs);
    return pv_tree_open(&config->tree[PV_TREE_HTTPD], root->state, "httpd") == 0 &&
                   pv_tree_open(&config->tree[PV_TREE_FPM], root->state, "fpm") == 0
               ? 0
               : -1;
}

int pv_config_open(pv_root_t *root)
{
    struct pv_config *config = root->config = apr_pcalloc(root->p, sizeof(*config));
    config->slot = apr_pcalloc(root->p, sizeof(*config->slot));
    config->masters = (int)root->conf->FpmMasters;
    for (int i = 0; i < PV_UNITS; i++)
        config->unit[i] = (pv_unit_t){.daemon = {.dir = -1, .pidfd = -1}, .watched = -1};
    if (config->masters < 1 || config->masters > PV_MASTERS_MAX || check_paths(root->conf) != 0)
        return -1;
    if (open_folders(root) != 0 || open_programs(root) != 0 || pv_retire_open(root) != 0 ||
        pv_supervise_open(root) != 0 || pv_changes_recover(root, root->tmp) != 0) {
        pv_root_log("config.open", "error=\"%s\"", strerror(errno));
        return -1;
    }
    settle(root);
    pv_supervise(root);
    return 0;
}
