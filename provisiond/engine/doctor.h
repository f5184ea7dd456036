/*
 * Private to doctor.c and strays.c: one look at everything, told row by row. The rest of the engine calls pv_doctor_run
 * (sink.h).
 */
#ifndef PV_ENGINE_DOCTOR_H
#define PV_ENGINE_DOCTOR_H

#include "engine/sink.h"

typedef struct pv_doctor pv_doctor_t;

struct pv_doctor {
    pv_engine_t *engine;
    pv_sink_t *sink;
    int repair, repairs;
};

/* {object,name,thing,detail,repairable} */
void pv_doctor_row(pv_doctor_t *doctor, const pv_id_t *object, const char *name, const char *thing, const char *detail,
                   int repairable);

/* Tells what exists on disk, in the configuration and on database servers and belongs to no object; then calls DONE. */
void pv_doctor_strays(pv_doctor_t *doctor, void (*done)(pv_doctor_t *doctor));

#endif
