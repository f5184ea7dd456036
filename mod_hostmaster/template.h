/*
 * Pages: well-formed XML run over a view. Data enters as text nodes and attribute values only, so escaping is by
 * construction; this file's serialiser is the only place that writes markup. Templates are parsed once a process and
 * then only read.
 *
 *     hm:text="task.label"              the element's content is that value, as text
 *     hm:if="site.url" hm:unless=".."   the element stands only where it is true (not empty, not 0, not missing)
 *     hm:if="task.state=failed"         or has that value
 *     hm:each="row in sites"            the element once for each
 *     hm:title="{task.label}"           any other hm:NAME is attribute NAME; each {path} is put in
 *     hm:href="/sites/{site.id}"        in URLs (href, src, action) percent-encoded
 *     hm:checked="field.on"             checked, selected, disabled, open, hidden, required: there or not
 *     hm:include="field"                the template of that name in place of the element
 *     <hm:content/>                     in layout.xml: where the page goes; a page's root is <hm:page title="..">
 *     {task.created|ago}                filters: time, clock, date, iso (UTC), ago, duration, bytes, number, first
 *     #csrf, #actor.login, #actor.admin, #on.SECTION, #open (tasks), #layout    what is there on every page
 *
 * Refused: hm: elements that there are not, on... and style attributes.
 */
#ifndef HM_TEMPLATE_H
#define HM_TEMPLATE_H

#include "proto/error.h"
#include <apr_buckets.h>
#include <apr_pools.h>
#include <jansson.h>

typedef struct hm_templates hm_templates_t;

/* Parses every .xml of FOLDER; all that is wrong (not well formed, unknown hm: word, include of nothing) is named with
 * file and line. */
apr_status_t hm_templates_load(hm_templates_t **ret, const char *folder, pv_err_t *err, apr_pool_t *p);

/* Writes page NAME over VIEW, inside layout.xml, into BB. GLOBALS are the # values. */
apr_status_t hm_template_run(const hm_templates_t *t, const char *name, const json_t *view, const json_t *globals,
                             apr_bucket_brigade *bb, pv_err_t *err, apr_pool_t *p);

#endif
