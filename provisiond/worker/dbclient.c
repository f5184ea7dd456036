/*
 * See dbclient.h. What is loaded is hostile: `--binary-mode --sandbox` and no local files leave of the client's own
 * commands nothing, and the rest is limited by the login, which has rights on the site's databases only.
 */
#include "worker/dbclient.h"
#include "worker/worker.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DUMP       "/usr/bin/mariadb-dump"
#define LOAD       "/usr/bin/mariadb"
#define SECRET_MAX 256

typedef struct {
    const char *name, *user, *secret_file, *socket, *host;
    int port;
} db_t;

static int take(db_t *ret, const json_t *db)
{
    const char *type;
    *ret = (db_t){.socket = NULL};
    return pv_request_take(db, "{s:s, s:s, s:s, s:s, s?s, s?s, s?i}", "type", &type, "name", &ret->name, "user",
                           &ret->user, "secret_file", &ret->secret_file, "socket", &ret->socket, "host", &ret->host,
                           "port", &ret->port);
}

static int read_secret(char secret[SECRET_MAX], const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, secret, SECRET_MAX - 1);
    int e = errno;
    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return pv_report_fail(PV_DB_DENIED, "db_server", "%s: %s", path, n < 0 ? strerror(e) : "is empty");
    secret[n] = '\0';
    secret[strcspn(secret, "\r\n")] = '\0';
    return 0;
}

/* The client reads no option file that others could write, and a memory file's mode is 0777 when it is made. */
static int write_options(const db_t *db)
{
    char secret[SECRET_MAX];
    if (read_secret(secret, db->secret_file) != 0)
        return -1;
    int fd = memfd_create("options", MFD_CLOEXEC), n = -1;
    if (fd >= 0 && fchmod(fd, 0600) == 0)
        n = db->host ? dprintf(fd, "[client]\nprotocol=tcp\nhost=%s\nport=%d\nuser=%s\npassword=%s\n", db->host,
                               db->port, db->user, secret)
                     : dprintf(fd, "[client]\nsocket=%s\nuser=%s\npassword=%s\n", db->socket ? db->socket : "",
                               db->user, secret);
    explicit_bzero(secret, sizeof(secret));
    if (n > 0 && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    pv_report_errno(AT_FDCWD, "db_server", "option file");
    if (fd >= 0)
        close(fd);
    return -1;
}

/* In the child. Everything but the options is closed: neither the report nor the archive is the client's business. */
static void become(char *const argv[], int in, int out, int options)
{
    signal(SIGPIPE, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (dup2(in, 0) == 0 && dup2(out, 1) == 1 && dup2(options, 3) == 3 && close_range(4, ~0U, 0) == 0)
        execv(argv[0], argv);
    dprintf(2, "%s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

/* Starts ARGV with one end of a pipe as its descriptor MINE (0 or 1), the other end being ours. */
static int start(pv_dbclient_t *ret, char *const argv[], int options, int mine)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return pv_report_errno(AT_FDCWD, "", "pipe");
    fcntl(ends[1], F_SETPIPE_SZ, 1 << 20); /* a larger one only saves turns */
    pid_t pid = fork();
    if (pid == 0)
        become(argv, mine == 0 ? ends[0] : 0, mine == 1 ? ends[1] : 1, options);
    close(ends[mine]);
    if (pid < 0) {
        close(ends[!mine]);
        return pv_report_errno(AT_FDCWD, "", argv[0]);
    }
    *ret = (pv_dbclient_t){pid, ends[!mine]};
    return 0;
}

int pv_dump_start(pv_dbclient_t *ret, const json_t *json)
{
    db_t db;
    int options;
    if (take(&db, json) != 0 || (options = write_options(&db)) < 0)
        return -1;
    char *const argv[] = {(char *)DUMP,
                          (char *)"--defaults-file=/dev/fd/3",
                          (char *)"--single-transaction",
                          (char *)"--quick",
                          (char *)"--routines",
                          (char *)"--triggers",
                          (char *)"--events",
                          (char *)"--max-allowed-packet=1G", /* a row of the server's limit fits */
                          (char *)"--no-tablespaces",
                          (char *)"--skip-dump-date",
                          (char *)"--default-character-set=utf8mb4",
                          (char *)db.name,
                          NULL};
    int rc = start(ret, argv, options, 1);
    close(options);
    if (rc == 0)
        fcntl(ret->fd, F_SETFL, O_NONBLOCK);
    return rc;
}

int pv_load_start(pv_dbclient_t *ret, const json_t *json)
{
    db_t db;
    int options;
    if (take(&db, json) != 0 || (options = write_options(&db)) < 0)
        return -1;
    char *const argv[] = {(char *)LOAD,
                          (char *)"--defaults-file=/dev/fd/3",
                          (char *)"--binary-mode",
                          (char *)"--sandbox",
                          (char *)"--local-infile=0",
                          (char *)"--batch",
                          (char *)"--skip-print-query-on-error", /* it holds the site's data */
                          (char *)"--max-allowed-packet=1G",
                          (char *)"--default-character-set=utf8mb4",
                          (char *)db.name,
                          NULL};
    int rc = start(ret, argv, options, 0);
    close(options);
    if (rc == 0)
        fcntl(ret->fd, F_SETFL, O_NONBLOCK);
    return rc;
}

int pv_dbclient_end(pv_dbclient_t *c, const char *what)
{
    int status;
    pid_t pid;
    if (c->pid <= 0)
        return 0;
    close(c->fd);
    do
        pid = waitpid(c->pid, &status, 0);
    while (pid < 0 && errno == EINTR);
    c->pid = 0;
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return pv_report_fail(PV_DB_FAILED, "db_server", "%s failed; the log has what the client said", what);
}
