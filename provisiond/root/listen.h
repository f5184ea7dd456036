/*
 * Which TCP addresses a process listens on, as the kernel says, and whether one could be bound here.
 */
#ifndef PV_ROOT_LISTEN_H
#define PV_ROOT_LISTEN_H

#include <netinet/in.h>
#include <sys/types.h>

#define PV_LISTENS_MAX 64

typedef struct {
    struct sockaddr_in6 a; /* room for either family */
    char text[64];         /* for people: 127.0.0.1:80, [::]:80 */
} pv_listen_t;

/* The listening sockets that PID holds open, in its own network namespace. How many, or -1. */
int pv_listens(int proc, pid_t pid, pv_listen_t ret[PV_LISTENS_MAX]);

unsigned pv_listen_port(const pv_listen_t *l);

/* Is it on the list? 0.0.0.0 and [::] are the same: for 'Listen 80' httpd takes the one or the other by the addresses
 * that its network namespace has. */
int pv_listen_in(const pv_listen_t *l, const pv_listen_t *list, int n);

/* Binds and lets go. 0, or -1 with errno. */
int pv_listen_try(const pv_listen_t *l);

#endif
