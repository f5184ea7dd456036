/*
 * The other half of fault.h, in test builds only. The file is removed before it is acted on, so that a point fires
 * once, however often the process is started again; a test that finds its file still there knows that nothing was
 * injected.
 */
#include "fault.h"

#ifdef PV_FAULTS
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char folder[256];

void pv_fault_init(const char *run_dir)
{
    snprintf(folder, sizeof(folder), "%s/faults", run_dir);
}

/* NAME may be NULL: the point is then "POINT", else "POINT:NAME". */
void pv_fault(const char *point, const char *name)
{
    char path[512], word[16] = "";
    snprintf(path, sizeof(path), "%s/%s%s%s", folder, point, name ? ":" : "", name ? name : "");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t n = read(fd, word, sizeof(word) - 1);
    close(fd);
    if (n < 0 || unlink(path) != 0)
        return;
    word[strcspn(word, "\n")] = '\0';
    if (strcmp(word, "parent") == 0)
        kill(getppid(), SIGKILL);
    else
        kill(getpid(), strcmp(word, "stop") == 0 ? SIGSTOP : SIGKILL);
}
#else
typedef int pv_fault_none_t; /* a release build has nothing here */
#endif
