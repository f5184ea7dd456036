/*
 * The archive of a backup, to a client.
 */
#ifndef PV_ENGINE_FETCH_H
#define PV_ENGINE_FETCH_H

#include "engine/journal_backup.h"
#include "engine/session.h"

/* Asks root for the archive; answers with size, name and sha256, and then the session sends the bytes and ends. */
void pv_fetch_run(pv_session_t *session, uint64_t re, const pv_backup_t *backup);

#endif
