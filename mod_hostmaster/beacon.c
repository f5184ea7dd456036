/*
 * The beacon: each new httpd child sends "live 1 REVISION GENERATION" to the daemon's datagram socket, so that a reload
 * is proven and not assumed. The kernel attaches the sender's credentials; the daemon looks at the sender's parent. A
 * daemon that is away or slow costs nothing: the datagram is dropped.
 */
#include "hm.h"
#include <ap_mpm.h>
#include <apr_strings.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

APLOG_USE_MODULE(hostmaster);

static int send_to(const char *path, const char *text)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(to.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(to.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    ssize_t n = sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&to, sizeof(to));
    int e = errno;
    close(fd);
    errno = e;
    return n < 0 ? -1 : 0;
}

static void report(apr_pool_t *p, server_rec *s)
{
    const hm_server_t *conf = hm_server(s);
    int generation = 0;
    if (!conf->beacon || !conf->revision)
        return;
    ap_mpm_query(AP_MPMQ_GENERATION, &generation);
    if (send_to(conf->beacon, apr_psprintf(p, "live 1 %s %d", conf->revision, generation)) != 0)
        ap_log_error(APLOG_MARK, APLOG_INFO, errno, s, "HM0010: no beacon to %s", conf->beacon);
}

void hm_beacon_register(apr_pool_t *p)
{
    ap_hook_child_init(report, NULL, NULL, APR_HOOK_LAST);
}
