/*
 * The description of the API (OpenAPI 3.1), made from the rows of routes.def and forms.def: what is true of a route
 * stands there and nowhere else.
 */
#include "forms.h"
#include "page/page.h"
#include "panel.h"
#include "route.h"
#include <apr_strings.h>
#include <string.h>

static json_t *parameter(const char *name, const char *in, int required)
{
    return json_pack("{s:s, s:s, s:b, s:{s:s}}", "name", name, "in", in, "required", required, "schema", "type",
                     "string");
}

/* The {words} of the path, the words of the query, the header of a change. */
static json_t *parameters(const hm_route_t *route, apr_pool_t *p)
{
    json_t *all = json_array();
    char *state = NULL;
    for (const char *s = strchr(route->path, '{'); s; s = strchr(s + 1, '{'))
        json_array_append_new(all, parameter(apr_pstrmemdup(p, s + 1, strcspn(s + 1, "}")), "path", 1));
    if (route->csrf != HM_CSRF_NONE)
        json_array_append_new(all, parameter("Idempotency-Key", "header", 1));
    else
        for (char *s = apr_strtok(apr_pstrdup(p, route->takes), " ", &state); s; s = apr_strtok(NULL, " ", &state))
            json_array_append_new(all, parameter(s, "query", 0));
    return all;
}

static json_t *field(const hm_input_t *in)
{
    const char *form = in->widget == HM_LINES ? "array" : "string";
    json_t *schema = json_pack("{s:s, s:s}", "type", form, "description", hm_input_help(in));
    if (in->widget == HM_LINES)
        json_object_set_new(schema, "items", json_pack("{s:s}", "type", "string"));
    return schema;
}

static json_t *body(const hm_form_t *form)
{
    json_t *properties = json_object(), *required = json_array();
    const hm_input_t *in;
    for (int i = 0; (in = hm_form_input(form, i)) != NULL; i++) {
        json_object_set_new(properties, in->name, field(in));
        if (in->required)
            json_array_append_new(required, json_string(in->name));
    }
    return json_pack("{s:b, s:{s:{s:{s:s, s:b, s:o, s:o}}}}", "required", 1, "content", "application/json", "schema",
                     "type", "object", "additionalProperties", 0, "properties", properties, "required", required);
}

static json_t *operation(const hm_route_t *route, apr_pool_t *p)
{
    json_t *o = json_pack("{s:s, s:s, s:o, s:{s:{s:s}, s:{s:s}}}", "operationId", route->name, "summary", route->help,
                          "parameters", parameters(route, p), "responses", "2XX", "description", "done", "default",
                          "$ref", "#/components/responses/problem");
    if (route->csrf != HM_CSRF_NONE && route->takes[0])
        json_object_set_new(o, "requestBody", body(hm_form_find(route->takes)));
    if (route->who == HM_ANYBODY)
        json_object_set_new(o, "security", json_array());
    if (route->who == HM_ADMIN_ONLY)
        json_object_set_new(o, "description", json_string("administrators only"));
    return o;
}

static json_t *components(void)
{
    static const char *const texts[] = {"code", "field", "text", "detail", "fix"};
    json_t *properties = json_pack("{s:{s:s}}", "status", "type", "integer");
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        json_object_set_new(properties, texts[i], json_pack("{s:s}", "type", "string"));
    return json_pack("{s:{s:{s:s, s:s}}, s:{s:{s:s, s:{s:{s:{s:s, s:o}}}}}}", "securitySchemes", "token", "type",
                     "http", "scheme", "bearer", "responses", "problem", "description",
                     "what went wrong, and how to fix it", "content", "application/problem+json", "schema", "type",
                     "object", "properties", properties);
}

int hm_page_openapi(hm_req_t *q)
{
    json_t *paths = json_object();
    const hm_route_t *route;
    for (int i = 0; (route = hm_route_at(i)) != NULL; i++) {
        char *method = apr_pstrdup(q->p, route->method);
        if (route->doors == HM_PAGE)
            continue;
        ap_str_tolower(method);
        if (json_object_get(paths, route->path) == NULL)
            json_object_set_new(paths, route->path, json_object());
        json_object_set_new(json_object_get(paths, route->path), method, operation(route, q->p));
    }
    json_object_set_new(q->view, "openapi", json_string("3.1.0"));
    json_object_set_new(q->view, "info", json_pack("{s:s, s:s}", "title", "Hostmaster", "version", "1"));
    json_object_set_new(q->view, "servers", json_pack("[{s:o}]", "url", json_sprintf("%s/api/v1", q->panel->url)));
    json_object_set_new(q->view, "security", json_pack("[{s:[]}]", "token"));
    json_object_set_new(q->view, "paths", paths);
    json_object_set_new(q->view, "components", components());
    return OK;
}
