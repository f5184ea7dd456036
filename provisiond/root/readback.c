/*
 * See readback.h. A name that got in by a trick of quoting, or that was swallowed by one, shows here, whatever the
 * templates say.
 */
#include "root/readback.h"
#include <apr_strings.h>
#include <string.h>

const char *pv_head_line(const char *text, const char *key, apr_pool_t *p)
{
    for (; *text == '#'; text += strcspn(text, "\n"), text += *text == '\n')
        if (strncmp(text, key, strlen(key)) == 0) {
            text += strlen(key);
            return apr_pstrmemdup(p, text, strcspn(text, "\n"));
        }
    return NULL;
}

/* The text in double quotes after KEY on this line, or NULL. */
static const char *quoted(const char *line, const char *key, apr_pool_t *p)
{
    size_t len = strlen(key);
    return strncmp(line, key, len) == 0 && line[len] == '"'
               ? apr_pstrmemdup(p, line + len + 1, strcspn(line + len + 1, "\""))
               : NULL;
}

/* "... NAME (LIVE/ID.conf:LINE)": the names of ID, with NAME added; NULL for a virtual host of somebody else's file. */
static apr_hash_t *names_of(pv_readback_t *ret, char *line, const char *live, apr_pool_t *p)
{
    char *paren = strstr(line, " (");
    size_t len = strlen(live);
    pv_id_t id;
    if (!paren || strncmp(paren + 2, live, len) != 0 || paren[2 + len] != '/')
        return NULL;
    const char *file = paren + 3 + len;
    if (pv_id_parse(&id, file, strcspn(file, ".")) != APR_SUCCESS)
        return NULL;
    *paren = '\0';
    const char *name = strrchr(line, ' ');
    apr_hash_t *names = apr_hash_get(ret->names, id.s, APR_HASH_KEY_STRING);
    if (!names) {
        names = apr_hash_make(p);
        apr_hash_set(ret->names, apr_pstrdup(p, id.s), APR_HASH_KEY_STRING, names);
    }
    apr_hash_set(names, name ? name + 1 : line, APR_HASH_KEY_STRING, "");
    return names;
}

void pv_readback_parse(pv_readback_t *ret, char *text, const char *live, apr_pool_t *p)
{
    char *line;
    const char *value;
    apr_hash_t *current = NULL;
    ret->names = apr_hash_make(p);
    ret->pid_file = ret->error_log = "";
    while ((line = strsep(&text, "\n"))) {
        const char *word = line + strspn(line, " ");
        if ((value = quoted(line, "PidFile: ", p)))
            ret->pid_file = value;
        else if ((value = quoted(line, "Main ErrorLog: ", p)))
            ret->error_log = value;
        else if (strncmp(word, "alias ", 6) == 0 || strncmp(word, "wild alias ", 11) == 0) {
            if (current)
                apr_hash_set(current, strrchr(word, ' ') + 1, APR_HASH_KEY_STRING, "");
        } else
            current = names_of(ret, line, live, p);
    }
}

const char *pv_readback_differs(const pv_readback_t *read, const pv_id_t *id, const char *text, apr_pool_t *p)
{
    const char *wanted = pv_head_line(text, "#names ", p), *out = "", *name;
    apr_hash_t *is = apr_hash_get(read->names, id->s, APR_HASH_KEY_STRING),
               *more = is ? apr_hash_copy(p, is) : apr_hash_make(p);
    char *list = apr_pstrdup(p, wanted ? wanted : ""), *last;
    for (name = apr_strtok(list, " ", &last); name; name = apr_strtok(NULL, " ", &last)) {
        if (!is || !apr_hash_get(is, name, APR_HASH_KEY_STRING))
            out = apr_pstrcat(p, out, " -", name, NULL);
        apr_hash_set(more, name, APR_HASH_KEY_STRING, NULL);
    }
    for (apr_hash_index_t *i = apr_hash_first(p, more); i; i = apr_hash_next(i))
        out = apr_pstrcat(p, out, " +", apr_hash_this_key(i), NULL);
    return *out ? out + 1 : NULL;
}
