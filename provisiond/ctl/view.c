/*
 * Renders rows for people and for programs. The columns of each table are rows of views.def; JSON is written by jansson
 * alone. It trusts nothing that a row holds: every text is shown through pv_text_show.
 */
#include "ctl/view.h"
#include "proto/message.h"
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CELL_MAX 400

typedef struct {
    pv_view_kind_t view;
    const char *key, *title;
} column_t;

static const column_t columns[] = {
#define COLUMN(view, key, title) {PV_VIEW_##view, #key, title},
#include "ctl/views.def"
#undef COLUMN
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static const struct {
    const char *state;
    pv_tone_t tone;
} tones[] = {
    {"success", PV_TONE_GOOD}, {"enabled", PV_TONE_GOOD},   {"verified", PV_TONE_GOOD}, {"ready", PV_TONE_GOOD},
    {"done", PV_TONE_GOOD},    {"warning", PV_TONE_WARN},   {"waiting", PV_TONE_WARN},  {"disabled", PV_TONE_WARN},
    {"undoing", PV_TONE_WARN}, {"cancelled", PV_TONE_WARN}, {"undone", PV_TONE_WARN},   {"recovering", PV_TONE_WARN},
    {"readonly", PV_TONE_BAD}, {"failed", PV_TONE_BAD},     {"stuck", PV_TONE_BAD},     {"error", PV_TONE_BAD},
};

/* Numbers that are microseconds since 1970. */
static const char *const times[] = {"at", "accepted", "began", "started", "ended", "not_before", "made"};

void pv_view_open(pv_view_t *ret, int json)
{
    const char *off = getenv("NO_COLOR"), *term = getenv("TERM");
    int colour = !(off && off[0]) && term && strcmp(term, "dumb") != 0;
    ret->json = json;
    ret->out = stdout;
    ret->err = stderr;
    ret->err_live = isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    ret->out_colour = colour && isatty(STDOUT_FILENO);
    ret->err_colour = colour && ret->err_live;
}

const char *pv_tone_on(pv_tone_t tone, int colour)
{
    static const char *const on[] = {"", "\033[32m", "\033[33m", "\033[31m", "\033[1m", "\033[2m"};
    return colour ? on[tone] : "";
}

const char *pv_tone_off(pv_tone_t tone, int colour)
{
    return colour && tone != PV_TONE_PLAIN ? "\033[0m" : "";
}

pv_tone_t pv_view_tone(const char *state)
{
    for (size_t i = 0; i < sizeof(tones) / sizeof(tones[0]); i++)
        if (strcmp(tones[i].state, state) == 0)
            return tones[i].tone;
    return PV_TONE_PLAIN;
}

int pv_view_width(const char *s)
{
    int n = 0;
    for (; *s; s++)
        n += (*s & 0xc0) != 0x80;
    return n;
}

/* UTC by arithmetic: the C library's own way would open its files of time zones, and this program opens nothing. The
 * year is counted from March, so that the day of a leap year comes last. */
static const char *time_text(json_int_t us, apr_pool_t *p)
{
    if (us <= 0)
        return "";
    long long s = us / 1000000, day = s / 86400 + 719468, era = day / 146097, doe = day % 146097;
    long long yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365,
              doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int month = (int)(5 * doy + 2) / 153, mday = (int)(doy - (153 * month + 2) / 5 + 1);
    month += month < 10 ? 3 : -9;
    return apr_psprintf(p, "%04d-%02d-%02d %02d:%02d:%02d UTC", (int)(yoe + era * 400 + (month <= 2)), month, mday,
                        (int)(s / 3600 % 24), (int)(s / 60 % 60), (int)(s % 60));
}

static const char *number_text(const char *key, json_int_t n, apr_pool_t *p)
{
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
        if (strcmp(times[i], key) == 0)
            return time_text(n, p);
    return apr_psprintf(p, "%" APR_INT64_T_FMT, (apr_int64_t)n);
}

static const char *list_text(const char *key, const json_t *list, const json_t *names, apr_pool_t *p)
{
    const char *text = "";
    size_t i;
    json_t *item;
    json_array_foreach(list, i, item) text =
        apr_pstrcat(p, text, i ? ", " : "", pv_view_cell(key, item, names, p), NULL);
    return text;
}

/* A driver's verb goes by its name; of what else has parts, all are told. */
static const char *object_text(const json_t *object, const json_t *names, apr_pool_t *p)
{
    const char *text = "", *key;
    json_t *value = json_object_get(object, "verb");
    if (value)
        return pv_view_cell("verb", value, names, p);
    json_object_foreach((json_t *)object, key, value) text =
        apr_pstrcat(p, text, *text ? ", " : "", key, "=", pv_view_cell(key, value, names, p), NULL);
    return text;
}

const char *pv_view_cell(const char *key, const json_t *value, const json_t *names, apr_pool_t *p)
{
    const char *text;
    switch (json_typeof(value)) {
    case JSON_STRING:
        text = json_string_value(value);
        if (names && json_object_get(names, text))
            text = json_string_value(json_object_get(names, text));
        return pv_text_show(text, strlen(text), CELL_MAX * 4, p);
    case JSON_INTEGER:
        return number_text(key, json_integer_value(value), p);
    case JSON_TRUE:
        return "yes";
    case JSON_FALSE:
        return "no";
    case JSON_ARRAY:
        return list_text(key, value, names, p);
    case JSON_OBJECT:
        return object_text(value, names, p);
    default:
        return "";
    }
}

/* A table's cells, row by row, its titles first; an empty column is left out. */
typedef struct {
    int ncolumns, nrows;
    const column_t *column[COLUMNS];
    const char **cell; /* nrows * ncolumns */
    int width[COLUMNS];
} table_t;

static void table_columns(table_t *t, pv_view_kind_t kind, const json_t *rows)
{
    for (size_t c = 0; c < COLUMNS; c++) {
        int used = 0;
        size_t i;
        json_t *row;
        if (columns[c].view != kind)
            continue;
        json_array_foreach(rows, i, row)
        {
            const json_t *v = json_object_get(row, columns[c].key);
            used |= v && !(json_is_string(v) && json_string_length(v) == 0) &&
                    !(json_is_array(v) && json_array_size(v) == 0);
        }
        if (used)
            t->column[t->ncolumns++] = &columns[c];
    }
}

static void table_fill(table_t *t, const json_t *rows, const json_t *names, apr_pool_t *p)
{
    t->nrows = json_array_size(rows);
    t->cell = apr_palloc(p, sizeof(*t->cell) * (t->nrows * t->ncolumns + 1));
    for (int c = 0; c < t->ncolumns; c++) {
        const char *key = t->column[c]->key;
        t->width[c] = pv_view_width(t->column[c]->title);
        for (int r = 0; r < t->nrows; r++) {
            const json_t *value = json_object_get(json_array_get(rows, r), key);
            /* A row's own id stays an id; the relations beside it get names. */
            const char *text = value ? pv_view_cell(key, value, strcmp(key, "id") ? names : NULL, p) : "";
            t->cell[r * t->ncolumns + c] = text;
            if (pv_view_width(text) > t->width[c])
                t->width[c] = pv_view_width(text);
        }
    }
}

static void table_line(const pv_view_t *view, const table_t *t, const char *const *cell, int head)
{
    for (int c = 0; c < t->ncolumns; c++) {
        pv_tone_t tone = head                                 ? PV_TONE_HEAD
                         : strcmp(t->column[c]->key, "state") ? PV_TONE_PLAIN
                                                              : pv_view_tone(cell[c]);
        int pad = c + 1 < t->ncolumns ? t->width[c] - pv_view_width(cell[c]) + 2 : 0;
        fprintf(view->out, "%s%s%s%*s", pv_tone_on(tone, view->out_colour), cell[c],
                pv_tone_off(tone, view->out_colour), pad, "");
    }
    fputc('\n', view->out);
}

void pv_view_table(const pv_view_t *view, pv_view_kind_t kind, const json_t *rows, const json_t *names, apr_pool_t *p)
{
    if (view->json) {
        pv_view_json(view, rows);
        return;
    }
    table_t t = {0};
    table_columns(&t, kind, rows);
    if (t.ncolumns == 0)
        return;
    table_fill(&t, rows, names, p);
    const char *titles[COLUMNS];
    for (int c = 0; c < t.ncolumns; c++)
        titles[c] = t.column[c]->title;
    table_line(view, &t, titles, 1);
    for (int r = 0; r < t.nrows; r++)
        table_line(view, &t, t.cell + (size_t)r * t.ncolumns, 0);
}

/* An empty text says nothing to a person; JSON keeps it. */
void pv_view_record(const pv_view_t *view, const json_t *row, const json_t *names, apr_pool_t *p)
{
    if (view->json) {
        pv_view_json(view, row);
        return;
    }
    size_t width = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)row, key, value) if (strlen(key) > width) width = strlen(key);
    json_object_foreach((json_t *)row, key, value)
    {
        const char *text = pv_view_cell(key, value, strcmp(key, "id") ? names : NULL, p);
        pv_tone_t tone = strcmp(key, "state") ? PV_TONE_PLAIN : pv_view_tone(text);
        if (text[0])
            fprintf(view->out, "%s%-*s%s  %s%s%s\n", pv_tone_on(PV_TONE_FAINT, view->out_colour), (int)width, key,
                    pv_tone_off(PV_TONE_FAINT, view->out_colour), pv_tone_on(tone, view->out_colour), text,
                    pv_tone_off(tone, view->out_colour));
    }
}

pv_view_kind_t pv_view_find(const char *kind)
{
    static const char *const names[PV_VIEWS] = {
        [PV_VIEW_server] = "server", [PV_VIEW_platform] = "platform", [PV_VIEW_site] = "site",
        [PV_VIEW_job] = "job",       [PV_VIEW_backup] = "backup",     [PV_VIEW_app] = "app",
        [PV_VIEW_step] = "step",     [PV_VIEW_drift] = "drift",
    };
    pv_view_kind_t view = 0;
    while (view < PV_VIEWS && strcmp(names[view], kind) != 0)
        view++;
    return view;
}

void pv_view_diff(const pv_view_t *view, const char *diff, apr_pool_t *p)
{
    while (*diff) {
        size_t len = strcspn(diff, "\n");
        pv_tone_t tone = diff[0] == '+' ? PV_TONE_GOOD : diff[0] == '-' ? PV_TONE_BAD : PV_TONE_PLAIN;
        fprintf(view->out, "%s%s%s\n", pv_tone_on(tone, view->out_colour), pv_text_show(diff, len, len * 4 + 1, p),
                pv_tone_off(tone, view->out_colour));
        diff += len + (diff[len] == '\n');
    }
}

void pv_view_json(const pv_view_t *view, const json_t *row)
{
    json_dumpf(row, view->out, JSON_COMPACT | JSON_ENCODE_ANY);
    fputc('\n', view->out);
    fflush(view->out);
}

void pv_view_error(const pv_view_t *view, const pv_err_t *err, apr_pool_t *p)
{
    const pv_error_row_t *row = pv_error_row(err->code);
    if (view->json) {
        json_t *reply = pv_reply_error(0, err);
        json_object_del(reply, "re");
        pv_view_json(view, reply);
        json_decref(reply);
        return;
    }
    const char *on = pv_tone_on(PV_TONE_BAD, view->err_colour), *off = pv_tone_off(PV_TONE_BAD, view->err_colour);
    fprintf(view->err, "%s%s%s: %s\n", on, row->name, off, row->text);
    if (err->field[0])
        fprintf(view->err, "  field  %s\n", pv_text_show(err->field, strlen(err->field), CELL_MAX, p));
    if (err->text[0])
        fprintf(view->err, "  what   %s\n", pv_text_show(err->text, strlen(err->text), sizeof(err->text) * 4, p));
    if (row->fix[0])
        fprintf(view->err, "  fix    %s\n", row->fix);
}
