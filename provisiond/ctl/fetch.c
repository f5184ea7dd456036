/*
 * Command fetch: the archive of a backup into a file that must not be there yet. A file that did not become whole is
 * removed again.
 */
#include "ctl/ctl.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FETCH_SECONDS 60 /* until the first byte */

typedef struct {
    const char *name;
    int fd;
} file_t;

static apr_status_t failed(const file_t *f, pv_err_t *err)
{
    return pv_fail(err, errno == ENOSPC || errno == EDQUOT ? PV_DISK_FULL : PV_SCHEMA, "file", "%s: %s", f->name,
                   strerror(errno));
}

static apr_status_t write_bytes(void *ctx, const char *bytes, size_t len, pv_err_t *err)
{
    const file_t *f = ctx;
    while (len > 0) {
        ssize_t n = write(f->fd, bytes, len);
        if (n < 0 && errno != EINTR)
            return failed(f, err);
        bytes += n > 0 ? n : 0;
        len -= n > 0 ? (size_t)n : 0;
    }
    return APR_SUCCESS;
}

static apr_status_t fetch(pv_ctl_t *ctl, file_t *f, json_t **row, pv_err_t *err)
{
    json_t *request;
    apr_status_t rv = pv_ctl_request(&request, ctl, PV_MSG_fetch, err);
    if (rv != APR_SUCCESS)
        return rv;
    json_object_set_new(request, "bid", json_string(ctl->words.bid.s));
    rv = pv_client_ask(row, ctl->client, request, FETCH_SECONDS, NULL, NULL, err, ctl->p);
    if (rv == APR_SUCCESS)
        rv = pv_client_bytes(ctl->client, (uint64_t)pv_row_num(*row, "size"), write_bytes, f, err);
    return rv == APR_SUCCESS && fsync(f->fd) != 0 && errno != EINVAL ? failed(f, err) : rv;
}

apr_status_t pv_command_fetch(pv_ctl_t *ctl, pv_err_t *err)
{
    file_t f = {.name = ctl->words.file};
    json_t *row;
    f.fd = open(f.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (f.fd < 0 && errno == EEXIST)
        return pv_fail(err, PV_NAME_IN_USE, "file", "%s is there already", f.name);
    if (f.fd < 0)
        return failed(&f, err);
    apr_status_t rv = fetch(ctl, &f, &row, err);
    close(f.fd);
    if (rv != APR_SUCCESS) {
        unlink(f.name);
        return rv;
    }
    json_t *told = pv_json_keep(json_pack("{s:s, s:O, s:O}", "file", f.name, "size", json_object_get(row, "size"),
                                          "sha256", json_object_get(row, "sha256")),
                                ctl->p);
    pv_view_record(&ctl->view, told, NULL, ctl->p);
    return APR_SUCCESS;
}
