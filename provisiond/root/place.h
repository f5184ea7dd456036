/*
 * Inside the configuration place: what it holds between operations. Only its own files include this.
 */
#ifndef PV_ROOT_PLACE_H
#define PV_ROOT_PLACE_H

#include "root/config.h"
#include "root/daemon.h"
#include "root/tree.h"

#define PV_MASTERS_MAX 16
#define PV_REVISION    "000-rev.conf"

/* Unit 0 is the sites httpd, unit 1 + K is PHP-FPM master K. */
#define PV_UNITS (1 + PV_MASTERS_MAX)

typedef struct {
    pv_daemon_t daemon;
    char pid_file[16], mark[128]; /* a master's, where daemon points */
    int want;                     /* it ran, or was meant to, so it is started again when it dies */
    int watched;                  /* the pidfd that root's loop polls, or -1 */
    int strikes;                  /* quick deaths in a row */
    int64_t started, due;         /* monotonic seconds: its last start by us; when the next may be, 0: undecided */
} pv_unit_t;

typedef struct {
    uint64_t served; /* proven to be served; its files are live */
    uint64_t last;   /* the highest number ever used: a number is never used twice */
} pv_rev_t;

/* The port that httpd was found to listen on last. */
struct pv_found {
    pid_t pid; /* of that httpd; 0: it did not */
    unsigned port;
    apr_time_t at;
};

struct pv_config {
    pv_tree_t tree[PV_TREES];
    int proc, null;          /* "/proc", "/dev/null" */
    int run_fpm;             /* RunDir/fpm */
    int masters;             /* FpmMasters */
    const char *fpm_program; /* FpmProgram, links resolved */
    const char *live;        /* path of the httpd tree's live folder, for messages and mounts */
    uint64_t served;         /* the number served since this process started, or 0 */
    pv_unit_t unit[PV_UNITS];
    struct pv_slot *slot;     /* the child that changes something: config.c */
    struct pv_retire *retire; /* masters that finish their last requests: retire.c */
    int timer;                /* supervise.c's back-off */
    struct pv_found found;
};

/* Masters: how many, and which one a site's pool is in. */
static inline int pv_shard(const struct pv_config *config, const pv_id_t *id)
{
    unsigned sum = 0;
    for (const char *s = id->s; *s; s++)
        sum += (unsigned char)*s;
    return (int)(sum % (unsigned)config->masters);
}

/* supervise.c: looks at every unit anew and watches it; starts what died. */
int pv_supervise_open(pv_root_t *root);
void pv_supervise(pv_root_t *root);

#endif
