/*
 * Reads provisiond.conf by the rows of settings.def. Root trusts the file as far as its owner: who could write it is
 * checked before a byte of it is read. Values end up in httpd configuration, paths and unit names, so each kind has a
 * narrow alphabet.
 */
#include "conf.h"
#include "proto/names.h"
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ALNUM    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
#define FILE_MAX 65536
#define NOBODY   65534 /* everywhere the account of none */
#define NO_UID   65535 /* what was an error when uids had 16 bits */

typedef struct {
    pv_conf_t *conf;
    int daemon;
    pv_err_t *bad;
    apr_pool_t *p;
} reader_t;

/* Puts one value into its member; gives what is wrong with it, or NULL. */
typedef const char *parse_fn(const reader_t *r, void *to, const char *value);

typedef struct {
    const char *name;
    parse_fn *parse;
    size_t offset;
    const char *otherwise;
} setting_t;

static int path_good(const char *at)
{
    do {
        size_t n = *at == '/' ? strspn(at + 1, ALNUM "._-+@") : 0;
        if (n == 0 || strspn(at + 1, ".") == n)
            return 0;
        at += n + 1;
    } while (*at);
    return 1;
}

static const char *parse_PATH(const reader_t *r, void *to, const char *value)
{
    if (!path_good(value))
        return "must be an absolute path of letters, digits and . _ - + @, without // or .. and no slash at its end";
    *(pv_conf_path_t *)to = value;
    return NULL;
}

static const char *parse_PATHS(const reader_t *r, void *to, const char *value)
{
    pv_conf_paths_t *paths = to;
    if (paths->n == PV_CONF_PATHS)
        return "stands there too often; 16 are allowed";
    const char *why = parse_PATH(r, &paths->path[paths->n], value);
    paths->n += !why;
    return why;
}

static const char *parse_TEXT(const reader_t *r, void *to, const char *value)
{
    if (strspn(value, ALNUM "._-@") != strlen(value))
        return "must be one word of letters, digits and . _ - @";
    *(pv_conf_text_t *)to = value;
    return NULL;
}

static const char *parse_NUM(const reader_t *r, void *to, const char *value)
{
    uint64_t n;
    if (pv_num_parse(&n, value, strlen(value), 0, INT_MAX) != APR_SUCCESS)
        return "must be a whole number";
    *(pv_conf_num_t *)to = (long)n;
    return NULL;
}
#define parse_SECONDS parse_NUM

static const char *parse_FLAG(const reader_t *r, void *to, const char *value)
{
    int on = strcmp(value, "on") == 0;
    if (!on && strcmp(value, "off") != 0)
        return "must be on or off";
    *(pv_conf_flag_t *)to = on;
    return NULL;
}

static const char *parse_RANGE(const reader_t *r, void *to, const char *value)
{
    pv_conf_range_t *range = to;
    const char *dash = strchr(value, '-');
    uint64_t first, last;
    if (!dash || pv_num_parse(&first, value, (size_t)(dash - value), 1000, INT_MAX) != APR_SUCCESS ||
        pv_num_parse(&last, dash + 1, strlen(dash + 1), first, INT_MAX) != APR_SUCCESS)
        return "must be FIRST-LAST, two uids above 999, the smaller one first";
    range->first = (uid_t)first;
    range->last = (uid_t)last;
    return NULL;
}

static const char *parse_USER(const reader_t *r, void *to, const char *value)
{
    pv_conf_user_t *user = to;
    struct passwd pw, *found = NULL;
    uint64_t uid;
    char buf[4096];
    if (!r->daemon)
        return NULL;
    if (pv_num_parse(&uid, value, strlen(value), 0, INT_MAX) == APR_SUCCESS) {
        getpwuid_r((uid_t)uid, &pw, buf, sizeof(buf), &found);
        *user = (pv_conf_user_t){(uid_t)uid, found ? found->pw_gid : (gid_t)uid};
        return NULL;
    }
    getpwnam_r(value, &pw, buf, sizeof(buf), &found);
    if (!found)
        return apr_psprintf(r->p, "there is no user '%s'", value);
    *user = (pv_conf_user_t){found->pw_uid, found->pw_gid};
    return NULL;
}

static const char *parse_USERS(const reader_t *r, void *to, const char *value)
{
    pv_conf_users_t *users = to;
    char *last, *list = apr_pstrdup(r->p, value);
    for (char *word = apr_strtok(list, " \t", &last); word && r->daemon; word = apr_strtok(NULL, " \t", &last)) {
        const char *why = users->n == PV_CONF_USERS ? "at most 16 users" : parse_USER(r, &users->user[users->n], word);
        if (why)
            return why;
        users->n++;
    }
    return NULL;
}

static const setting_t settings[] = {
#define SETTING(name, kind, def, help) {#name, parse_##kind, offsetof(pv_conf_t, name), def},
#include "settings.def"
#undef SETTING
};

enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

/* Numbers that have a range of their own. */
static const struct {
    const char *name;
    size_t offset;
    long least, most;
} ranges[] = {
    {"FpmMasters", offsetof(pv_conf_t, FpmMasters), 1, 16},
    {"Workers", offsetof(pv_conf_t, Workers), 1, 64},
    {"WaitLimit", offsetof(pv_conf_t, WaitLimit), 1, INT_MAX},
    {"EventTime", offsetof(pv_conf_t, EventTime), 60, INT_MAX},
};

static void set(const reader_t *r, const setting_t *s, const char *value, int line)
{
    const char *why = s->parse(r, (char *)r->conf + s->offset, value);
    if (why && line)
        pv_fail_also(r->bad, s->name, "%s (line %d)", why, line);
    else if (why)
        pv_fail_also(r->bad, s->name, "%s (its default)", why);
}

/* One line, cut at its end: nothing, a comment, or a name and its value. */
static void take_line(const reader_t *r, char *text, int line, int seen[SETTINGS])
{
    text += strspn(text, " \t");
    for (size_t n = strlen(text); n > 0 && strchr(" \t\r", text[n - 1]); n--)
        text[n - 1] = '\0';
    if (*text == '\0' || *text == '#')
        return;
    char *value = text + strcspn(text, " \t");
    if (*value)
        *value++ = '\0';
    value += strspn(value, " \t");

    int i = 0;
    while (i < SETTINGS && strcmp(settings[i].name, text) != 0)
        i++;
    if (i == SETTINGS)
        pv_fail_also(r->bad, text, "there is no such directive (line %d)", line);
    else if (*value == '\0')
        pv_fail_also(r->bad, text, "needs a value (line %d)", line);
    else if (seen[i] && settings[i].parse != parse_PATHS)
        pv_fail_also(r->bad, text, "stands there twice (lines %d and %d)", seen[i], line);
    else
        set(r, &settings[i], value, line);
    if (i < SETTINGS)
        seen[i] = line;
}

static void check_ranges(const reader_t *r)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        long n = *(long *)((char *)r->conf + ranges[i].offset);
        if (n < ranges[i].least || n > ranges[i].most)
            pv_fail_also(r->bad, ranges[i].name, "must be %ld to %ld", ranges[i].least, ranges[i].most);
    }
    if (strlen(r->conf->RunDir) > 40)
        pv_fail_also(r->bad, "RunDir", "must have at most 40 bytes");
}

/* The service accounts are walls between the processes only while they differ from each other, from root and from
 * tenants. */
static void check_users(const reader_t *r)
{
    const pv_conf_t *c = r->conf;
    const struct {
        const char *name;
        uid_t uid;
    } own[] = {{"EngineUser", c->EngineUser.uid}, {"DbaUser", c->DbaUser.uid}, {"SitesUser", c->SitesUser.uid}};
    const struct {
        const char *name;
        const pv_users_t *users;
    } lists[] = {{"PanelUsers", &c->PanelUsers}, {"AdminUsers", &c->AdminUsers}};

    for (int i = 0; i < 3; i++) {
        if (own[i].uid == 0)
            pv_fail_also(r->bad, own[i].name, "must not be root");
        if (own[i].uid >= c->UidRange.first && own[i].uid <= c->UidRange.last)
            pv_fail_also(r->bad, own[i].name, "must not lie in UidRange");
        for (int k = 0; k < i; k++)
            if (own[k].uid == own[i].uid)
                pv_fail_also(r->bad, own[i].name, "must be another user than %s", own[k].name);
    }
    if (c->UidRange.first <= NO_UID && c->UidRange.last >= NOBODY)
        pv_fail_also(r->bad, "UidRange", "must not hold %d or %d, which are nobody's", NOBODY, NO_UID);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < lists[i].users->n; k++)
            if (lists[i].users->user[k].uid >= c->UidRange.first && lists[i].users->user[k].uid <= c->UidRange.last)
                pv_fail_also(r->bad, lists[i].name, "must hold no uid of UidRange");
}

/* Nobody but root can have written, or put in place, what is at PATH. In a folder with the sticky bit root's own
 * entries are safe from everybody else. */
static apr_status_t check_owner(const char *path, pv_err_t *err, apr_pool_t *p)
{
    char real[PATH_MAX];
    struct stat st;
    if (!realpath(path, real))
        return pv_fail(err, PV_CONFIG, NULL, "%s: %s", path, strerror(errno));
    for (char *end = real + strlen(real); end; end = strrchr(real, '/')) {
        *end = '\0';
        const char *at = *real ? real : "/";
        if (stat(at, &st) != 0)
            return pv_fail(err, PV_CONFIG, NULL, "%s: %s", at, strerror(errno));
        if (st.st_uid != 0 || ((st.st_mode & 022) && !(S_ISDIR(st.st_mode) && (st.st_mode & S_ISVTX))))
            return pv_fail(err, PV_CONFIG, NULL, "%s: must belong to root and be writable by nobody else", at);
    }
    return APR_SUCCESS;
}

static apr_status_t read_file(char **ret, const char *path, pv_err_t *err, apr_pool_t *p)
{
    char *text = apr_palloc(p, FILE_MAX + 1);
    size_t used = 0;
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    while (fd >= 0 && used < FILE_MAX + 1 && (n = read(fd, text + used, FILE_MAX + 1 - used)) > 0)
        used += (size_t)n;
    int failed = fd < 0 || n < 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    if (failed)
        return pv_fail(err, PV_CONFIG, NULL, "%s: %s", path, strerror(failed));
    if (used > FILE_MAX || memchr(text, '\0', used))
        return pv_fail(err, PV_CONFIG, NULL, "%s: is larger than 64 KiB or holds a NUL byte", path);
    text[used] = '\0';
    *ret = text;
    return APR_SUCCESS;
}

apr_status_t pv_conf_read(const pv_conf_t **ret, const char *file, int daemon, pv_err_t *err, apr_pool_t *p)
{
    pv_err_t bad = {0};
    reader_t r = {apr_pcalloc(p, sizeof(pv_conf_t)), daemon, &bad, p};
    int seen[SETTINGS] = {0}, line = 0;
    char *text = NULL;
    if ((daemon && check_owner(file, err, p) != APR_SUCCESS) || read_file(&text, file, err, p) != APR_SUCCESS)
        return APR_EGENERAL;
    for (char *next; text; text = next) {
        next = strchr(text, '\n');
        if (next)
            *next++ = '\0';
        take_line(&r, text, ++line, seen);
    }
    for (int i = 0; i < SETTINGS; i++)
        if (!seen[i])
            set(&r, &settings[i], settings[i].otherwise, 0);
    if (bad.code == PV_OK)
        check_ranges(&r);
    if (bad.code == PV_OK && daemon)
        check_users(&r);
    if (bad.code != PV_OK)
        return pv_fail(err, PV_CONFIG, bad.field, "%s: %s", file, bad.text);
    r.conf->file = apr_pstrdup(p, file);
    *ret = r.conf;
    return APR_SUCCESS;
}
