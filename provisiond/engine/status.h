/*
 * How things stand: counts out of the journal, the configuration and httpd from root, free space.
 */
#ifndef PV_ENGINE_STATUS_H
#define PV_ENGINE_STATUS_H

#include "engine/sink.h"

/* One line, in the end of SINK. */
void pv_status_run(pv_sink_t *sink);

#endif
