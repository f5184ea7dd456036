/*
 * The folders, the lock and the sockets. Folders are rows: those of the configuration are walked from "/" and every
 * component must be root's; those below them are made by name. What is missing is made, modes and owners are set right,
 * nothing is removed but a socket that an earlier life left, which only the holder of the lock does.
 */
#include "root/open.h"
#include "root/files.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOCK_TRIES  100
#define LOCK_MS     20
#define RUN_DIR_MAX 40 /* bytes: PHP-FPM cuts the path of a socket at 107 in silence */

typedef struct {
    const char *name;
    size_t conf, fd; /* offsets of the setting in pv_conf_t and of the descriptor in pv_root_t */
    mode_t mode;     /* 0: must be there */
} folder_t;

#define FOLDER(setting, field, mode)                                                                                   \
    {                                                                                                                  \
#setting, offsetof(pv_conf_t, setting), offsetof(pv_root_t, field), mode                                       \
    }
static const folder_t folders[] = {
    FOLDER(RunDir, run, 0755),         FOLDER(StateDir, state, 0711),      FOLDER(SitesRoot, sites, 0711),
    FOLDER(BackupRoot, backups, 0700), FOLDER(LogDir, log, 0755),          FOLDER(SecretsDir, secrets, 0700),
    FOLDER(AppsDir, apps, 0),          FOLDER(TemplatesDir, templates, 0), FOLDER(ProgramDir, programs, 0),
};

typedef enum { OF_ROOT, OF_ENGINE } of_t;

static const struct {
    size_t parent; /* offset of a descriptor in pv_root_t */
    const char *name;
    mode_t mode;
    of_t of;
    size_t fd; /* offset, or 0 where nobody needs it open */
} below[] = {
    {offsetof(pv_root_t, state), "journal", 0700, OF_ENGINE, 0},
    {offsetof(pv_root_t, state), "uids", 0700, OF_ROOT, offsetof(pv_root_t, uids)},
    {offsetof(pv_root_t, state), "ids", 0700, OF_ROOT, offsetof(pv_root_t, ids)},
    {offsetof(pv_root_t, state), "places", 0700, OF_ROOT, offsetof(pv_root_t, places)},
    {offsetof(pv_root_t, sites), ".trash", 0700, OF_ROOT, offsetof(pv_root_t, trash)},
    {offsetof(pv_root_t, sites), ".next", 0700, OF_ROOT, offsetof(pv_root_t, next)},
};

static int *at(pv_root_t *root, size_t offset)
{
    return (int *)((char *)root + offset);
}

static int opened(int fd, const char *setting, const char *path)
{
    if (fd >= 0)
        return 0;
    pv_root_log("open.fail", "setting=%s path=\"%s\" error=\"%s\"", setting, path,
                errno == EPERM   ? "it and all folders above it must be root's, and writable by nobody else"
                : errno == ELOOP ? "it or a folder above it is a link; name the folder itself"
                                 : strerror(errno));
    return -1;
}

static int open_folders(pv_root_t *root)
{
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        const folder_t *f = &folders[i];
        const char *path = *(const char *const *)((const char *)root->conf + f->conf);
        int fd = *at(root, f->fd) = f->mode ? pv_dir_make_path(path, f->mode) : pv_dir_open_path(path, 1);
        if (opened(fd, f->name, path) != 0)
            return -1;
    }
    return 0;
}

static int open_roots(pv_root_t *root)
{
    const pv_conf_t *conf = root->conf;
    for (int i = 0; i < conf->PlatformRoot.n; i++) {
        const char *path = conf->PlatformRoot.path[i];
        root->platform[i] = pv_dir_make_path(path, 0755);
        if (opened(root->platform[i], "PlatformRoot", path) != 0)
            return -1;
        root->platform_trash[i] = pv_dir_make(root->platform[i], ".trash", 0700, 0, 0);
        if (opened(root->platform_trash[i], "PlatformRoot/.trash", path) != 0)
            return -1;
    }
    for (int i = 0; i < conf->SourceRoot.n; i++) {
        root->source[i] = pv_dir_open_path(conf->SourceRoot.path[i], 1);
        if (opened(root->source[i], "SourceRoot", conf->SourceRoot.path[i]) != 0)
            return -1;
    }
    root->host = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return opened(root->host, "/", "/");
}

static int make_below(pv_root_t *root)
{
    const pv_user_t *engine = &root->conf->EngineUser;
    for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
        int fd = pv_dir_make(*at(root, below[i].parent), below[i].name, below[i].mode,
                             below[i].of == OF_ENGINE ? engine->uid : 0, below[i].of == OF_ENGINE ? engine->gid : 0);
        if (opened(fd, below[i].name, below[i].name) != 0)
            return -1;
        if (below[i].fd)
            *at(root, below[i].fd) = fd;
        else
            close(fd);
    }
    return 0;
}

/* Held until the process ends, however it ends. A child of a daemon that was just killed dies with it, but a moment
 * later, and shares the lock until then. */
static int lock(pv_root_t *root)
{
    struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = openat(root->state, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    for (int tries = 0; fd >= 0 && tries < LOCK_TRIES; tries++) {
        if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
            return 0;
        if (errno != EAGAIN)
            break;
        poll(NULL, 0, LOCK_MS);
    }
    pv_root_log("lock.fail", "folder=\"%s\" error=\"%s\"", root->conf->StateDir,
                errno == EAGAIN ? "another provisiond runs with this StateDir" : strerror(errno));
    return -1;
}

/* RunDir/NAME/socket in a folder that only GID may enter; -1 with errno. */
static int bind_socket(pv_root_t *root, const char *name, int type, gid_t gid)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    struct stat st;
    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s/socket", root->conf->RunDir, name);
    int dir = pv_dir_make(root->run, name, 0750, 0, gid);
    if (dir < 0)
        return -1;
    errno = EEXIST;
    int fd = -1;
    if (fstatat(dir, "socket", &st, AT_SYMLINK_NOFOLLOW) != 0 ||
        (S_ISSOCK(st.st_mode) && unlinkat(dir, "socket", 0) == 0))
        fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) != 0 || fchownat(dir, "socket", 0, gid, 0) != 0 ||
                    fchmodat(dir, "socket", 0660, 0) != 0 ||
                    (type == SOCK_STREAM ? listen(fd, 128)
                                         : setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int))) != 0)) {
        fd = pv_close(fd);
    }
    close(dir);
    return fd;
}

static gid_t first_gid(const pv_users_t *users)
{
    return users->n > 0 ? users->user[0].gid : 0;
}

static int open_sockets(pv_root_t *root)
{
    const pv_conf_t *conf = root->conf;
    root->panel = bind_socket(root, "panel", SOCK_STREAM, first_gid(&conf->PanelUsers));
    if (opened(root->panel, "RunDir", "panel/socket") != 0)
        return -1;
    root->admin = bind_socket(root, "admin", SOCK_STREAM, first_gid(&conf->AdminUsers));
    if (opened(root->admin, "RunDir", "admin/socket") != 0)
        return -1;
    root->beacon = bind_socket(root, "beacon", SOCK_DGRAM, conf->SitesUser.gid);
    return opened(root->beacon, "RunDir", "beacon/socket");
}

static int check_values(const pv_root_t *root)
{
    const pv_conf_t *conf = root->conf;
    const char *wrong = strlen(conf->RunDir) > RUN_DIR_MAX ? "RunDir is longer than 40 bytes"
                        : conf->EngineUser.uid == 0        ? "EngineUser must not be root"
                        : conf->DbaUser.uid == 0           ? "DbaUser must not be root"
                        : conf->SitesUser.uid == 0         ? "SitesUser must not be root"
                                                           : NULL;
    if (wrong)
        pv_root_log("conf.fail", "file=\"%s\" error=\"%s\"", conf->file, wrong);
    return wrong ? -1 : 0;
}

int pv_root_open(pv_root_t *root)
{
    return check_values(root) == 0 && open_folders(root) == 0 && open_roots(root) == 0 && lock(root) == 0 &&
                   make_below(root) == 0 && open_sockets(root) == 0
               ? 0
               : -1;
}

/* Is the program there, root's and executable, in a folder that only root can change? */
static int test_program(const char *setting, const char *path)
{
    char folder[PATH_MAX];
    struct stat st;
    snprintf(folder, sizeof(folder), "%s", path);
    char *slash = strrchr(folder, '/');
    *slash = '\0';
    int dir = pv_dir_open_path(*folder ? folder : "/", 1);
    if (opened(dir, setting, path) != 0)
        return 1;
    int good = fstatat(dir, slash + 1, &st, 0) == 0 && S_ISREG(st.st_mode) && (st.st_mode & S_IXUSR) &&
               !(st.st_mode & (S_IWGRP | S_IWOTH));
    if (!good)
        pv_root_log("test.fail", "setting=%s path=\"%s\" error=\"no program that only root can change\"", setting,
                    path);
    close(dir);
    return !good;
}

int pv_root_test(pv_root_t *root)
{
    static const char *const own[] = {"provisiond-engine", "provisiond-dba", "provision-worker"};
    static const char *const templates[] = {"httpd/site.conf",     "httpd/php.conf",      "httpd/disabled.conf",
                                            "httpd/redirect.conf", "httpd/revision.conf", "php-fpm/global.conf",
                                            "php-fpm/pool.conf"};
    const pv_conf_t *conf = root->conf;
    char path[PATH_MAX], *text;
    int faults = check_values(root) != 0;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", conf->ProgramDir, own[i]);
        faults += test_program("ProgramDir", path);
    }
    faults += test_program("HttpdProgram", conf->HttpdProgram) + test_program("FpmProgram", conf->FpmProgram) +
              test_program("PhpProgram", conf->PhpProgram);
    faults += opened(pv_dir_open_path(conf->AppsDir, 1), "AppsDir", conf->AppsDir) != 0;
    root->templates = pv_dir_open_path(conf->TemplatesDir, 1);
    if (opened(root->templates, "TemplatesDir", conf->TemplatesDir) != 0)
        return faults + 1;
    for (size_t i = 0; i < sizeof(templates) / sizeof(templates[0]); i++)
        faults += opened(pv_file_read(&text, NULL, root->templates, templates[i], 1 << 20, root->tmp), "TemplatesDir",
                         templates[i]) != 0;
    return faults;
}
