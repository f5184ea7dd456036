/*
 * /proc/PID/net/tcp and tcp6 list the sockets of a namespace; the links of /proc/PID/fd say which of them a process
 * holds.
 */
#include "root/listen.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SOCKETS_MAX 4096
#define TCP_LISTEN  0x0a

typedef struct {
    unsigned long inode[SOCKETS_MAX];
    int n;
} held_t;

static int hold(int proc, pid_t pid, held_t *held)
{
    char name[32], link[64];
    snprintf(name, sizeof(name), "%d/fd", (int)pid);
    int fd = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct dirent *e;
    held->n = 0;
    while (dir && held->n < SOCKETS_MAX && (e = readdir(dir))) {
        ssize_t n = readlinkat(fd, e->d_name, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        if (strncmp(link, "socket:[", 8) == 0)
            held->inode[held->n++] = strtoul(link + 8, NULL, 10);
    }
    if (dir)
        closedir(dir);
    return dir ? 0 : -1;
}

static int holds(const held_t *held, unsigned long inode)
{
    for (int i = 0; i < held->n; i++)
        if (held->inode[i] == inode)
            return 1;
    return 0;
}

/* Addresses stand there as words of the machine's order, in hexadecimal; the port as a number. */
static void fill(pv_listen_t *l, int family, const uint32_t *word, unsigned port)
{
    char text[INET6_ADDRSTRLEN];
    memset(l, 0, sizeof(*l));
    if (family == AF_INET) {
        struct sockaddr_in *a = (struct sockaddr_in *)&l->a;
        a->sin_family = AF_INET;
        a->sin_port = htons((uint16_t)port);
        a->sin_addr.s_addr = word[0];
        inet_ntop(AF_INET, &a->sin_addr, text, sizeof(text));
    } else {
        l->a.sin6_family = AF_INET6;
        l->a.sin6_port = htons((uint16_t)port);
        memcpy(&l->a.sin6_addr, word, 16);
        inet_ntop(AF_INET6, &l->a.sin6_addr, text, sizeof(text));
    }
    snprintf(l->text, sizeof(l->text), family == AF_INET ? "%s:%u" : "[%s]:%u", text, port);
}

/* The fields of a line of the table, counted from 0, that are looked at. */
enum { LOCAL = 1, STATE = 3, INODE = 9, FIELDS };

static int parse(char *line, int family, const held_t *held, pv_listen_t *ret)
{
    int digits = family == AF_INET ? 8 : 32;
    char *field[FIELDS], *rest = line;
    uint32_t word[4] = {0};
    for (int i = 0; i < FIELDS; i++) {
        do
            field[i] = strsep(&rest, " ");
        while (field[i] && !*field[i]);
        if (!field[i])
            return 0;
    }
    if (strtoul(field[STATE], NULL, 16) != TCP_LISTEN || (int)strcspn(field[LOCAL], ":") != digits ||
        !holds(held, strtoul(field[INODE], NULL, 10)))
        return 0;
    for (int i = 0; i < digits / 8; i++) {
        char hex[9] = "";
        memcpy(hex, field[LOCAL] + 8 * i, 8);
        word[i] = (uint32_t)strtoul(hex, NULL, 16);
    }
    fill(ret, family, word, (unsigned)strtoul(field[LOCAL] + digits + 1, NULL, 16));
    return 1;
}

static int read_table(int proc, pid_t pid, int family, const held_t *held, pv_listen_t *ret, int max)
{
    char name[32], *line = NULL;
    size_t size = 0;
    int n = 0;
    snprintf(name, sizeof(name), "%d/net/%s", (int)pid, family == AF_INET ? "tcp" : "tcp6");
    int fd = openat(proc, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT && family == AF_INET6 ? 0 : -1;
    FILE *f = fdopen(fd, "r");
    while (f && n < max && getline(&line, &size, f) >= 0)
        n += parse(line, family, held, &ret[n]);
    free(line);
    if (f)
        fclose(f);
    else
        close(fd);
    return n;
}

int pv_listens(int proc, pid_t pid, pv_listen_t ret[PV_LISTENS_MAX])
{
    held_t held;
    if (hold(proc, pid, &held) != 0)
        return -1;
    int n = read_table(proc, pid, AF_INET, &held, ret, PV_LISTENS_MAX);
    int n6 = n < 0 ? -1 : read_table(proc, pid, AF_INET6, &held, ret + n, PV_LISTENS_MAX - n);
    return n6 < 0 ? -1 : n + n6;
}

unsigned pv_listen_port(const pv_listen_t *l)
{
    return ntohs(l->a.sin6_port); /* at the same place in both families */
}

static int is_any(const pv_listen_t *l)
{
    return l->a.sin6_family == AF_INET ? ((const struct sockaddr_in *)&l->a)->sin_addr.s_addr == INADDR_ANY
                                       : IN6_IS_ADDR_UNSPECIFIED(&l->a.sin6_addr);
}

int pv_listen_in(const pv_listen_t *l, const pv_listen_t *list, int n)
{
    for (int i = 0; i < n; i++)
        if (strcmp(l->text, list[i].text) == 0 ||
            (is_any(l) && is_any(&list[i]) && pv_listen_port(l) == pv_listen_port(&list[i])))
            return 1;
    return 0;
}

int pv_listen_try(const pv_listen_t *l)
{
    int on = 1, fd = socket(l->a.sin6_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    int rv = bind(fd, (const struct sockaddr *)&l->a,
                  l->a.sin6_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6));
    int e = errno;
    close(fd);
    errno = e;
    return rv;
}
