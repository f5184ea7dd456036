/*
 * Reads bodies, within their limit and of the one type that they may have. What is in them is parse.c's.
 */
#include "body.h"
#include "parse.h"
#include <http_protocol.h>
#include <string.h>
#include <util_filter.h>

/* The whole body, terminated; ENOSPC above the limit. httpd has dechunked it. */
static apr_status_t bytes_read(request_rec *r, size_t limit, char **ret, size_t *len)
{
    apr_bucket_brigade *bb = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    char *buf = apr_palloc(r->pool, limit + 1);
    size_t used = 0;
    int end = 0;
    while (!end) {
        apr_status_t rv = ap_get_brigade(r->input_filters, bb, AP_MODE_READBYTES, APR_BLOCK_READ, HUGE_STRING_LEN);
        if (rv != APR_SUCCESS)
            return rv;
        for (apr_bucket *b = APR_BRIGADE_FIRST(bb); b != APR_BRIGADE_SENTINEL(bb) && !end; b = APR_BUCKET_NEXT(b)) {
            const char *data;
            apr_size_t n;
            end = APR_BUCKET_IS_EOS(b);
            if (APR_BUCKET_IS_METADATA(b))
                continue;
            if ((rv = apr_bucket_read(b, &data, &n, APR_BLOCK_READ)) != APR_SUCCESS)
                return rv;
            if (n > limit - used)
                return APR_ENOSPC;
            memcpy(buf + used, data, n);
            used += n;
        }
        apr_brigade_cleanup(bb);
    }
    buf[used] = '\0';
    *ret = buf;
    *len = used;
    return APR_SUCCESS;
}

/* A charset may stand there only if it is the one that everything is read as. */
static int type_is(const char *header, const char *type)
{
    size_t n = strlen(type);
    if (header == NULL || strncasecmp(header, type, n) != 0 || !strchr("; \t", header[n]))
        return 0;
    const char *charset = ap_strcasestr(header + n, "charset=");
    if (charset == NULL)
        return 1;
    charset += strlen("charset=");
    charset += *charset == '"';
    return strncasecmp(charset, "utf-8", 5) == 0 && strchr("\"; \t", charset[5]);
}

apr_status_t hm_body_read(hm_req_t *q, size_t limit)
{
    const char *type = apr_table_get(q->r->headers_in, "Content-Type");
    char *bytes = NULL;
    size_t len = 0;
    int json = type_is(type, "application/json");
    apr_status_t rv = bytes_read(q->r, limit, &bytes, &len);
    if (rv == APR_ENOSPC)
        return pv_fail(&q->err, PV_TOO_LONG, NULL, "the body is longer than %lu bytes", (unsigned long)limit);
    if (rv != APR_SUCCESS) {
        int mapped = ap_map_http_request_error(rv, HTTP_BAD_REQUEST);
        q->status = mapped >= HTTP_BAD_REQUEST ? mapped : HTTP_BAD_REQUEST;
        return pv_fail(&q->err, PV_SCHEMA, NULL, "the body could not be read");
    }
    if (len == 0 && type == NULL)
        return APR_SUCCESS;
    if (q->api ? !json : !type_is(type, "application/x-www-form-urlencoded")) {
        q->status = HTTP_UNSUPPORTED_MEDIA_TYPE;
        return pv_fail(&q->err, PV_SCHEMA, "Content-Type", "must be %s",
                       q->api ? "application/json" : "application/x-www-form-urlencoded");
    }
    json_t *body = NULL;
    rv = json ? hm_json_parse(&body, bytes, len, &q->err) : hm_pairs_parse(&body, bytes, len, &q->err);
    if (rv == APR_SUCCESS)
        q->body = hm_own(q, body);
    else
        q->status = json && q->err.field[0] ? HTTP_UNPROCESSABLE_ENTITY : HTTP_BAD_REQUEST;
    return rv;
}
