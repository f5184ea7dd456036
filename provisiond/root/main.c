/*
 * provisiond: the root process. Starts as root, stays in the foreground, logs to stderr. What it may do is ops.def;
 * what it gives up first is harden.c. When it ends, engine, dba and workers end; the sites httpd and PHP-FPM go on.
 */
#include "conf.h"
#include "fault.h"
#include "root/config.h"
#include "root/evict.h"
#include "root/kids.h"
#include "root/loop.h"
#include "root/open.h"
#include "root/spawn.h"
#include <apr_general.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2

static int usage(int code)
{
    fputs("usage: provisiond [-c FILE] [-t]\n", code ? stderr : stdout);
    return code;
}

static int run(pv_root_t *root)
{
    if (pv_root_open(root) != 0 || pv_spawn_open(root) != 0 || pv_evict_open(root) != 0)
        return 1;
    if (pv_loop_open(root) != 0) {
        pv_root_log("fatal", "what=signals error=\"%s\"", strerror(errno));
        return 1;
    }
    pv_kids_open(root);
    if (pv_config_open(root) != 0)
        return 1;
    pv_root_log("ready", "pid=%d conf=\"%s\"", (int)getpid(), root->conf->file);
    pv_kids_turn(root);
    pv_loop_run(root);
    pv_root_log("stopped", "pid=%d", (int)getpid());
    return 0;
}

static int test(pv_root_t *root)
{
    int faults = pv_root_test(root);
    fprintf(stderr, faults ? "%s: %d faults\n" : "%s: configuration, templates and programs are as they should be\n",
            root->conf->file, faults);
    return faults ? 1 : 0;
}

int main(int argc, char **argv)
{
    const char *file = PV_CONF_FILE, *what;
    int testing = 0, opt;
    pv_root_t root = {0};
    pv_err_t err = {0};
    if (pv_root_harden(&what) != 0) {
        pv_root_log("fatal", "what=\"%s\" error=\"%s\"", what, strerror(errno));
        return 1;
    }
    while ((opt = getopt(argc, argv, "c:ht")) != -1) {
        if (opt == 'h')
            return usage(0);
        if (opt == '?')
            return usage(EXIT_USAGE);
        if (opt == 'c')
            file = optarg;
        testing |= opt == 't';
    }
    if (optind != argc)
        return usage(EXIT_USAGE);
    apr_initialize();
    apr_pool_create(&root.p, NULL);
    apr_pool_create(&root.tmp, root.p);
    if (pv_conf_read(&root.conf, file, 1, &err, root.p) != APR_SUCCESS) {
        pv_root_log("conf.fail", "file=\"%s\" error=\"%s\"", file, err.text);
        return 1;
    }
    PV_FAULT_INIT(root.conf->RunDir);
    return testing ? test(&root) : run(&root);
}
