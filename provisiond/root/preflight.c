/*
 * See preflight.h. The shadow is the first process of a pid namespace and dies with us, and with it all its children,
 * so that a crash leaves nothing.
 */
#include "root/preflight.h"
#include "root/fpm.h"
#include "root/httpd.h"
#include "root/listen.h"
#include "root/readback.h"
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEST_SECONDS   60
#define SHADOW_SECONDS 30
#define PROBE_FILE     "zzz-preflight.conf"

typedef struct {
    const pv_root_t *root;
    const pv_changes_t *set;
    int n;
    uint64_t rev;
    const char *revision;
    const char *probes; /* text of PROBE_FILE */
    const char *pid_folder;
    pv_readback_t read; /* what 'httpd -t' said of the base configuration */
} preflight_t;

/* A new file system, not mounted anywhere yet. MODE is its top folder's, NULL: its own. */
static int make_fs(const char *type, const char *mode)
{
    int fs = fsopen(type, FSOPEN_CLOEXEC);
    if (fs < 0)
        return -1;
    int mount = (!mode || fsconfig(fs, FSCONFIG_SET_STRING, "mode", mode, 0) == 0) &&
                        fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0
                    ? fsmount(fs, FSMOUNT_CLOEXEC, 0)
                    : -1;
    close(fs);
    return mount;
}

static int put(int dir, const char *file, const char *text)
{
    int fd = openat(dir, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    size_t len = strlen(text);
    int rv = fd >= 0 && write(fd, text, len) == (ssize_t)len ? 0 : -1;
    if (fd >= 0)
        close(fd);
    return rv;
}

/* The live folder with only what is tried, and an empty folder for the pid file, so that the shadow leaves the real one
 * alone. */
static int see(const preflight_t *f)
{
    char file[PV_TREE_FILE];
    int live = make_fs("tmpfs", "0755"), pid = make_fs("tmpfs", "0755");
    if (live < 0 || pid < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
        return -1;
    if (put(live, PV_REVISION, f->revision) != 0 || put(live, PROBE_FILE, f->probes) != 0)
        return -1;
    for (int i = 0; i < f->n; i++) {
        const char *text = f->set->row[i].text[PV_TREE_HTTPD];
        if (text && *text && put(live, pv_tree_file(file, &f->set->row[i].id), text) != 0)
            return -1;
    }
    return move_mount(live, "", AT_FDCWD, f->root->config->live, MOVE_MOUNT_F_EMPTY_PATH) == 0 &&
                   move_mount(pid, "", AT_FDCWD, f->pid_folder, MOVE_MOUNT_F_EMPTY_PATH) == 0
               ? 0
               : -1;
}

static int setup_test(void *ctx)
{
    return see(ctx);
}

/* In a network of its own every address may be bound: whether it can be here is tried apart. By a /proc of its own, as
 * the service manager may have made the machine's tunables read-only. */
static int setup_shadow(void *ctx)
{
    static const char *const nonlocal[] = {"sys/net/ipv4/ip_nonlocal_bind", "sys/net/ipv6/ip_nonlocal_bind"};
    const preflight_t *f = ctx;
    struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    int sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), proc = make_fs("proc", NULL);
    if (sock < 0 || proc < 0 || ioctl(sock, SIOCSIFFLAGS, &lo) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        int fd = openat(proc, nonlocal[i], O_WRONLY | O_CLOEXEC);
        if (fd >= 0 && write(fd, "1", 1) != 1)
            return -1;
    }
    return see(f);
}

static apr_status_t broken(pv_err_t *err, const pv_run_t *run, apr_pool_t *p)
{
    return pv_fail(err, PV_HTTPD_CONFIG, NULL, "%s", pv_run_message(run, p));
}

/* What httpd reads must be what was meant: its pid file's place, and for each site its names, no more and no less. */
static apr_status_t compare(preflight_t *f, pv_err_t *err, apr_pool_t *p)
{
    const pv_conf_t *conf = f->root->conf;
    if (strcmp(f->read.pid_file, conf->HttpdPidFile) != 0)
        return pv_fail(err, PV_HTTPD_CONFIG, NULL, "%s: PidFile is '%s', but HttpdPidFile of %s is '%s'",
                       conf->HttpdConfig, f->read.pid_file, conf->file, conf->HttpdPidFile);
    for (int i = 0; i < f->n; i++) {
        const pv_change_t *c = &f->set->row[i];
        const char *text = c->text[PV_TREE_HTTPD];
        if (!text || !*text)
            continue;
        const char *differs = pv_readback_differs(&f->read, &c->id, text, p);
        if (differs)
            return pv_fail(err, PV_HTTPD_CONFIG, NULL, "site %s: httpd understood other names than meant: %s", c->id.s,
                           differs);
    }
    return APR_SUCCESS;
}

static apr_status_t test(preflight_t *f, pv_err_t *err, apr_pool_t *p)
{
    const pv_conf_t *conf = f->root->conf;
    const char *argv[] = {
        conf->HttpdProgram, "-t", "-f", conf->HttpdConfig, "-D", "PREFLIGHT", "-D", "DUMP_VHOSTS", "-D",
        "DUMP_RUN_CFG",     NULL};
    const pv_run_how_t how = {.null = f->root->config->null, .namespaces = CLONE_NEWNS, .setup = setup_test, .ctx = f};
    pv_run_t run;
    if (pv_run_start(&run, argv, &how) != 0)
        return pv_fail(err, PV_INTERNAL, NULL, "%s cannot be run: %s", argv[0], strerror(errno));
    apr_status_t rv;
    if (pv_run_wait(&run, TEST_SECONDS) != 0) {
        rv = broken(err, &run, p);
    } else {
        pv_readback_parse(&f->read, pv_run_text(&run, p), f->root->config->live, p);
        rv = compare(f, err, p);
    }
    pv_run_close(&run);
    return rv;
}

/* Each address the shadow listens on must be free here, or the running httpd's. */
static apr_status_t try_addresses(const preflight_t *f, pid_t shadow, pv_err_t *err)
{
    const struct pv_config *config = f->root->config;
    const pv_daemon_t *running = &config->unit[0].daemon;
    pv_listen_t want[PV_LISTENS_MAX], have[PV_LISTENS_MAX];
    int n = pv_listens(config->proc, shadow, want), held = 0;
    if (running->pidfd >= 0)
        held = pv_listens(config->proc, running->pid, have);
    if (n < 0 || held < 0)
        return pv_fail(err, PV_INTERNAL, NULL, "the addresses httpd listens on cannot be read: %s", strerror(errno));
    for (int i = 0; i < n; i++)
        if (!pv_listen_in(&want[i], have, held) && pv_listen_try(&want[i]) != 0)
            return pv_fail(err, PV_HTTPD_CONFIG, NULL, "%s says Listen for %s, which cannot be bound: %s",
                           f->root->conf->HttpdConfig, want[i].text, strerror(errno));
    return APR_SUCCESS;
}

/* The shadow's log is its own, not the real one, where that is a file: its messages are the answer. */
static apr_status_t shadow(preflight_t *f, pv_err_t *err, apr_pool_t *p)
{
    const pv_conf_t *conf = f->root->conf;
    const char *argv[] = {conf->HttpdProgram, "-f", conf->HttpdConfig,          "-D", "FOREGROUND", "-D",
                          "PREFLIGHT",        "-c", "ErrorLog /proc/self/fd/2", NULL};
    const pv_run_how_t how = {.null = f->root->config->null,
                              .namespaces = CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC,
                              .setup = setup_shadow,
                              .ctx = f};
    pv_run_t run;
    if (f->read.error_log[0] != '/')
        argv[7] = NULL;
    pv_beacon_drain(f->root);
    if (pv_run_start(&run, argv, &how) != 0)
        return pv_fail(err, PV_INTERNAL, NULL, "%s cannot be run: %s", argv[0], strerror(errno));
    apr_status_t rv;
    if (pv_beacon_await(f->root, f->rev, run.pid, run.pidfd, SHADOW_SECONDS))
        rv = try_addresses(f, run.pid, err);
    else
        rv = broken(err, &run, p);
    pv_run_kill(&run);
    pv_run_close(&run);
    return rv;
}

/* A virtual host more for each set of addresses: httpd lists the aliases only where there are two. */
static const char *make_probes(const pv_changes_t *set, int n, apr_pool_t *p)
{
    const char *out = "# Only in the preflight.\n";
    for (int i = 0; i < n; i++) {
        const char *text = set->row[i].text[PV_TREE_HTTPD];
        const char *listen = text && *text ? pv_head_line(text, "#listen ", p) : NULL;
        const char *probe =
            listen ? apr_psprintf(p, "<VirtualHost %s>\nServerName preflight.invalid\n</VirtualHost>\n", listen) : "";
        if (!strstr(out, probe))
            out = apr_pstrcat(p, out, probe, NULL);
    }
    return out;
}

apr_status_t pv_preflight(const pv_root_t *root, const pv_changes_t *set, int n, uint64_t rev, const char *revision,
                          pv_err_t *err, apr_pool_t *p)
{
    const char *pid_file = root->conf->HttpdPidFile;
    preflight_t f = {.root = root, .set = set, .n = n, .rev = rev, .revision = revision};
    f.probes = make_probes(set, n, p);
    f.pid_folder = apr_pstrmemdup(p, pid_file, (apr_size_t)(strrchr(pid_file, '/') - pid_file));
    apr_status_t rv = pv_fpm_test(root, set, n, err, p);
    if (rv == APR_SUCCESS)
        rv = test(&f, err, p);
    return rv == APR_SUCCESS ? shadow(&f, err, p) : rv;
}
