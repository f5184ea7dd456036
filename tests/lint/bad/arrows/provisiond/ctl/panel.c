/*
 * The back end knows no front end.
 */
#include "mod_hostmaster/hm.h"
