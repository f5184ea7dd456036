/*
 * Forms as data (forms.def): shown, checked and documented from the same rows, for pages and API alike. The check of a
 * value is the one of proto/values.def that the daemon makes too, plus a few kinds that only the panel has.
 */
#ifndef HM_FORMS_H
#define HM_FORMS_H

#include "request.h"

#define HM_NO_SUCH "there is no such object"

typedef enum { HM_LINE, HM_LINES, HM_CHOICE, HM_HIDDEN } hm_widget_t;

typedef struct {
    const char *name, *label;
    int value; /* a pv_value_t, or one of the panel's own above PV_VALUES */
    int required;
    hm_widget_t widget;
    const char *help;
} hm_input_t;

typedef struct {
    const char *name, *title, *submit, *lead;
} hm_form_t;

const hm_form_t *hm_form_find(const char *name);               /* one that is there: a wrong name is a defect */
const hm_input_t *hm_form_input(const hm_form_t *form, int i); /* NULL past the last */
const char *hm_input_help(const hm_input_t *in);               /* what its value must be */

/* Puts the form into the view, each field with its value out of VALUES (strings, arrays of strings, numbers; NULL:
 * empty). */
void hm_form_show(hm_req_t *q, const hm_form_t *form, const json_t *values, const char *action, const char *back);

/* A field of the form in the view, for what only the handler knows of it; NULL: it has none of that name. */
json_t *hm_form_field(const hm_req_t *q, const char *name);

/* Did something come for it? */
int hm_form_given(const hm_req_t *q, const char *name);

/* Takes a field off the form, unless something came for it: then it stays, with what is wrong about that. */
void hm_form_drop(hm_req_t *q, const char *name);

/* Gives a CHOICE one more option; the one that equals the field's value is selected. */
void hm_form_option(hm_req_t *q, const char *field, const char *value, const char *label);

/*
 * Checks q->body: what came, canonical, in *ret (only the fields that came; an emptied optional one is ""; a list is an
 * array). All wrong fields are named at once: in q->err, and beside each field of the form that hm_form_show has put
 * into the view.
 */
apr_status_t hm_form_check(json_t **ret, hm_req_t *q, const hm_form_t *form);

/* Puts an error that a later check found beside its field. Returns APR_EGENERAL. */
apr_status_t hm_form_wrong(hm_req_t *q, pv_code_t code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
