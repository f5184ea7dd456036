/*
 * What the screens share: pages of a list, looking an object up or answering 404, queueing its task, the audit line.
 */
#ifndef HM_PAGE_H
#define HM_PAGE_H

#include "request.h"

#define HM_PAGE_ROWS 50

/* The first row of a look-up, or NO_OBJECT: another client's object is like a missing one. */
apr_status_t hm_one(hm_req_t *q, json_t *rows, json_t **row);

/* How many rows the caller asked for (?limit=1..500), and where the page begins (?after=). SCHEMA for anything else. */
apr_status_t hm_list_limit(hm_req_t *q, int64_t *limit);

/* Puts ROWS (one more than LIMIT was asked for) into the view as NAME, and "next" (COLUMN of the last) when there are
 * more. */
void hm_list_show(hm_req_t *q, const char *name, json_t *rows, int64_t limit, const char *column);

/* The query's ?find= as a pattern for LIKE .. ESCAPE '!'. */
const char *hm_find_pattern(const hm_req_t *q);

/* The latest tasks on an object, in the view. */
apr_status_t hm_tasks_on(hm_req_t *q, const char *object);

/* What packages a platform or a site within the actor's scope has, in the view, by type. */
apr_status_t hm_packages_on(hm_req_t *q, const char *object);

/* Was the row's object ever there for the daemon? Else it can be changed as a whole, while no task on it is open. */
int hm_is_made(const json_t *row);
int hm_is_unmade(const json_t *row);
apr_status_t hm_unmade_check(hm_req_t *q, const json_t *row);

/* Can another object be put on it? Once that was verified, or while it is; ROWS: of its look-up. Told beside FIELD. */
apr_status_t hm_usable_check(hm_req_t *q, const char *field, const json_t *rows);

/* The tasks that can be run on an object of KIND by hand, as buttons; STATE is what it is now. */
void hm_actions_show(hm_req_t *q, pv_kind_t kind, const char *id, const char *state);

/* Queues TYPE on an object and answers with its task (202, or 303 to the task's page when OPEN). */
apr_status_t hm_queue(hm_req_t *q, const char *type, const json_t *object, const char *server, int64_t *task);

/* What is asked for: a task that is about more than the object. */
typedef struct {
    const char *type;
    const char *what;   /* of the object, for there may be several at a time; "": the object itself */
    const char *title;  /* "": what its type is called */
    const json_t *args; /* fields of its own; NULL: none */
} hm_asked_t;

apr_status_t hm_queue_asked(hm_req_t *q, const hm_asked_t *asked, const json_t *object, const char *server,
                            int64_t *task);

/* What the body asks for: one of the kind's tasks that people start on the OBJECT's row, with its fields; a verb, where
 * it is one, is one of the PLATFORM's type. */
apr_status_t hm_task_asked(hm_req_t *q, pv_kind_t kind, const json_t *object, const char *platform, hm_asked_t *asked);

/* The verbs of the PLATFORM's type that people can run on an object of KIND, as buttons with what they take. NOW:
 * values of those fields as they are (NULL: not known); another one is chosen beforehand. */
apr_status_t hm_verbs_show(hm_req_t *q, pv_kind_t kind, const char *id, const char *platform, const json_t *now);

apr_status_t hm_audit(hm_req_t *q, const char *action, const char *object, const char *text);

/* An optional field of the checked form: what came, or what is. */
const char *hm_value(const json_t *values, const char *name, const json_t *row);
int64_t hm_value_n(const json_t *values, const char *name, int64_t otherwise);

/* The revision that the form was made from; STALE where the row has moved on. */
apr_status_t hm_revision(hm_req_t *q, const json_t *values, const json_t *row);

#endif
