/*
 * provision-worker PROGRAM: reads the request, runs the program, ends the report. Exit status 0 where it succeeded, 1
 * where it reported why not, 2 for a wrong call.
 */
#include "worker/worker.h"
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>

static const struct {
    const char *name;
    pv_work_fn *fn;
} programs[] = {
    {"copy", pv_work_copy},     {"empty", pv_work_empty}, {"link", pv_work_link}, {"unlink", pv_work_unlink},
    {"linked", pv_work_linked}, {"check", pv_work_check}, {"pack", pv_work_pack}, {"unpack", pv_work_unpack},
};

static pv_work_fn *find(const char *name)
{
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
        if (strcmp(programs[i].name, name) == 0)
            return programs[i].fn;
    return NULL;
}

int main(int argc, char **argv)
{
    /* A process of the same uid outside of the jail could else take our descriptors, report and archive. The program's
     * mode, 0711, does the same from the first moment on. */
    int safe = prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    pv_work_fn *fn = safe == 0 && argc == 2 ? find(argv[1]) : NULL;
    json_error_t error;
    if (!fn) {
        fputs("usage: provision-worker copy|empty|link|unlink|linked|check|pack|unpack\n", stderr);
        return 2;
    }
    umask(022);
    json_t *request = json_loadf(stdin, JSON_REJECT_DUPLICATES, &error);
    int rc = request ? fn(request) : pv_report_fail(PV_INTERNAL, "", "request: %s", error.text);
    json_decref(request);
    return pv_report_end(rc == 0) == 0 && rc == 0 ? 0 : 1;
}
