/*
 * Asking the daemon: the configuration, the connection, one request and its answer. It opens the configuration file and
 * the socket, nothing else. A crash here leaves nothing behind: what was submitted goes on.
 */
#include "ctl/ctl.h"
#include <apr_strings.h>
#include <apr_time.h>
#include <string.h>

#define ASK_SECONDS 600 /* doctor probes every object; the daemon answers everything else at once */
#define LIST_PAGE   500

apr_status_t pv_ctl_conf(const pv_conf_t **ret, pv_ctl_t *ctl, pv_err_t *err)
{
    const char *file = ctl->words.option[PV_OPTION_config];
    apr_status_t rv = APR_SUCCESS;
    if (!ctl->conf)
        rv = pv_conf_read(&ctl->conf, file ? file : PV_CONF_FILE, 0, err, ctl->p);
    *ret = ctl->conf;
    return rv;
}

apr_status_t pv_ctl_connect(pv_client_t **ret, pv_ctl_t *ctl, pv_err_t *err)
{
    const char *path = ctl->words.option[PV_OPTION_socket];
    const pv_conf_t *conf;
    apr_status_t rv;
    if (!path) {
        if ((rv = pv_ctl_conf(&conf, ctl, err)) != APR_SUCCESS)
            return rv;
        path = apr_pstrcat(ctl->p, conf->RunDir, "/admin/socket", NULL);
    }
    return pv_client_connect(ret, path, "provision", err, ctl->p);
}

apr_status_t pv_ctl_reconnect(pv_client_t **ret, pv_ctl_t *ctl, pv_err_t *err)
{
    apr_time_t end = apr_time_now() + apr_time_from_sec(PV_CTL_PATIENCE);
    apr_status_t rv;
    while ((rv = pv_ctl_connect(ret, ctl, err)) != APR_SUCCESS && pv_ctl_lost(err) && apr_time_now() < end)
        apr_sleep(PV_CTL_PAUSE);
    return rv;
}

int pv_ctl_lost(const pv_err_t *err)
{
    return err->code == PV_UNREACHABLE || err->code == PV_DEADLINE || err->code == PV_RETRY_LATER ||
           err->code == PV_BUSY;
}

apr_status_t pv_ctl_request(json_t **ret, pv_ctl_t *ctl, pv_msg_t msg, pv_err_t *err)
{
    apr_status_t rv = ctl->client ? APR_SUCCESS : pv_ctl_connect(&ctl->client, ctl, err);
    if (rv == APR_SUCCESS)
        *ret = pv_client_request(ctl->client, msg);
    return rv;
}

/* The envelope of an answer is of no interest to a person. */
static json_t *bare(json_t *row)
{
    json_object_del(row, "re");
    json_object_del(row, "ok");
    json_object_del(row, "end");
    return row;
}

apr_status_t pv_ctl_ask(json_t **ret, pv_ctl_t *ctl, json_t *request, pv_err_t *err)
{
    apr_status_t rv = pv_client_ask(ret, ctl->client, request, ASK_SECONDS, NULL, NULL, err, ctl->p);
    if (rv == APR_SUCCESS)
        bare(*ret);
    else if (pv_ctl_lost(err))
        ctl->client = NULL;
    return rv;
}

static apr_status_t add_row(void *ctx, json_t *row, pv_err_t *err)
{
    json_array_append(ctx, bare(row));
    return APR_SUCCESS;
}

apr_status_t pv_ctl_rows(json_t **rows, json_t **end, pv_ctl_t *ctl, json_t *request, pv_err_t *err)
{
    json_t *all = pv_json_keep(json_array(), ctl->p);
    apr_status_t rv = pv_client_ask(end, ctl->client, request, ASK_SECONDS, add_row, all, err, ctl->p);
    if (rv != APR_SUCCESS)
        return rv;
    bare(*end);
    *rows = all;
    return APR_SUCCESS;
}

apr_status_t pv_ctl_list(json_t **ret, pv_ctl_t *ctl, const char *kind, pv_err_t *err)
{
    json_t *all = pv_json_keep(json_array(), ctl->p), *page, *end, *request;
    const char *after = "";
    do {
        apr_status_t rv = pv_ctl_request(&request, ctl, PV_MSG_list, err);
        if (rv != APR_SUCCESS)
            return rv;
        json_object_set_new(request, "kind", json_string(kind));
        json_object_set_new(request, "limit", json_integer(LIST_PAGE));
        if (after[0])
            json_object_set_new(request, "after", json_string(after));
        if ((rv = pv_ctl_rows(&page, &end, ctl, request, err)) != APR_SUCCESS)
            return rv;
        json_array_extend(all, page);
        after = pv_row_text(end, "next");
    } while (after[0]);
    *ret = all;
    return APR_SUCCESS;
}

apr_status_t pv_ctl_object(json_t **ret, pv_ctl_t *ctl, const pv_context_t *name, const char *field, pv_err_t *err)
{
    json_t *request;
    apr_status_t rv = pv_ctl_request(&request, ctl, PV_MSG_show, err);
    if (rv != APR_SUCCESS)
        return rv;
    json_object_set_new(request, "name", json_string(name->s));
    rv = pv_ctl_ask(ret, ctl, request, err);
    if (rv != APR_SUCCESS && err->code == PV_NO_OBJECT)
        return pv_fail(err, PV_NO_OBJECT, field, "there is no %s", name->s);
    return rv;
}

static apr_status_t ask_job(json_t **ret, pv_ctl_t *ctl, uint64_t job, pv_err_t *err)
{
    json_t *request;
    apr_status_t rv = pv_ctl_request(&request, ctl, PV_MSG_show, err);
    if (rv != APR_SUCCESS)
        return rv;
    json_object_set_new(request, "job", json_integer((json_int_t)job));
    return pv_ctl_ask(ret, ctl, request, err);
}

apr_status_t pv_ctl_job(json_t **ret, pv_ctl_t *ctl, uint64_t job, pv_err_t *err)
{
    int connected = ctl->client != NULL;
    apr_status_t rv = ask_job(ret, ctl, job, err);
    if (rv == APR_SUCCESS || !connected || !pv_ctl_lost(err))
        return rv;
    rv = pv_ctl_reconnect(&ctl->client, ctl, err);
    return rv == APR_SUCCESS ? ask_job(ret, ctl, job, err) : rv;
}

apr_status_t pv_ctl_names(json_t **ret, pv_ctl_t *ctl, pv_err_t *err)
{
    static const char *const kinds[] = {"server", "platform", "site"};
    *ret = NULL;
    if (ctl->view.json)
        return APR_SUCCESS;
    json_t *names = pv_json_keep(json_object(), ctl->p), *rows, *row;
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        size_t i;
        apr_status_t rv = pv_ctl_list(&rows, ctl, kinds[k], err);
        if (rv != APR_SUCCESS)
            return rv;
        json_array_foreach(rows, i, row)
            json_object_set(names, pv_row_text(row, "id"), json_object_get(row, "context"));
    }
    *ret = names;
    return APR_SUCCESS;
}

const char *pv_row_text(const json_t *row, const char *key)
{
    const char *text = json_string_value(json_object_get(row, key));
    return text ? text : "";
}

json_int_t pv_row_num(const json_t *row, const char *key)
{
    return json_integer_value(json_object_get(row, key));
}
