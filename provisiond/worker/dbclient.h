/*
 * MariaDB's own programs, run by a worker: mariadb-dump, whose output is read, and mariadb, which is fed a dump. Fixed
 * paths and arguments; host and password go in by an option file in a memory file, so neither is an argument.
 */
#ifndef PV_WORKER_DBCLIENT_H
#define PV_WORKER_DBCLIENT_H

#include <jansson.h>
#include <sys/types.h>

typedef struct {
    pid_t pid;
    int fd; /* read end of a dump's output, write end of a load's input */
} pv_dbclient_t;

/* DB: {"type":"mariadb","name","user","secret_file","socket"} or, for socket, "host" and "port". 0, or -1 after
 * pv_report_fail. */
int pv_dump_start(pv_dbclient_t *ret, const json_t *db);
int pv_load_start(pv_dbclient_t *ret, const json_t *db);

/* Closes its end and waits: 0 where it exited with 0, else -1 after pv_report_fail. */
int pv_dbclient_end(pv_dbclient_t *c, const char *what);

#endif
