/*
 * What the command line shows: rows of the daemon as tables, records and lines for people, or as JSON; errors likewise.
 * Results go to stdout, what happens meanwhile and errors go to stderr. Colours only on a terminal and never with
 * NO_COLOR. Whatever a row holds, no control character reaches a terminal.
 */
#ifndef PV_CTL_VIEW_H
#define PV_CTL_VIEW_H

#include "proto/error.h"
#include <apr_pools.h>
#include <jansson.h>
#include <stdio.h>

typedef enum {
    PV_VIEW_server,
    PV_VIEW_platform,
    PV_VIEW_site,
    PV_VIEW_job,
    PV_VIEW_backup,
    PV_VIEW_app,
    PV_VIEW_step,
    PV_VIEW_drift,
    PV_VIEWS
} pv_view_kind_t;

typedef struct {
    int json;
    FILE *out, *err;
    int out_colour, err_colour; /* may be coloured */
    int err_live;               /* err is a terminal: a line may be written over */
} pv_view_t;

typedef enum { PV_TONE_PLAIN, PV_TONE_GOOD, PV_TONE_WARN, PV_TONE_BAD, PV_TONE_HEAD, PV_TONE_FAINT } pv_tone_t;

/* On the process's stdout and stderr. */
void pv_view_open(pv_view_t *ret, int json);

/* ROWS, an array of objects, as a table, or as a JSON array. NAMES (or NULL) says what to show for an id. */
void pv_view_table(const pv_view_t *view, pv_view_kind_t kind, const json_t *rows, const json_t *names, apr_pool_t *p);

/* One object, a key a line, or as a JSON object. */
void pv_view_record(const pv_view_t *view, const json_t *row, const json_t *names, apr_pool_t *p);

/* The table of a kind of list; PV_VIEWS where there is none. */
pv_view_kind_t pv_view_find(const char *kind);

/* A unified diff, its lines coloured. */
void pv_view_diff(const pv_view_t *view, const char *diff, apr_pool_t *p);

/* A value as one line of JSON. */
void pv_view_json(const pv_view_t *view, const json_t *row);

/* What went wrong, in which field, and how to fix it. */
void pv_view_error(const pv_view_t *view, const pv_err_t *err, apr_pool_t *p);

/* A value as text for people: lists with commas, times in UTC by their key. In P. */
const char *pv_view_cell(const char *key, const json_t *value, const json_t *names, apr_pool_t *p);

/* Which tone a state has ("success" is good). */
pv_tone_t pv_view_tone(const char *state);

/* Sequence that begins a tone, and the one that ends it; "" where COLOUR is 0. */
const char *pv_tone_on(pv_tone_t tone, int colour);
const char *pv_tone_off(pv_tone_t tone, int colour);

/* Characters of UTF-8 text. */
int pv_view_width(const char *s);

#endif
