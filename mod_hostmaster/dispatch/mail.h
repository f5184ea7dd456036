/*
 * Mails notices to the administrators through the system's sendmail, where HostmasterSendmail names it.
 */
#ifndef HM_MAIL_H
#define HM_MAIL_H

#include "panel.h"

/* Sends what has not been sent. A notice is marked before it is handed over: at most once, never twice. */
void hm_notices_mail(hm_panel_t *panel, hm_db_t *db, apr_pool_t *p);

#endif
