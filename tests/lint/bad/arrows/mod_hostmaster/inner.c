/*
 * The module talks the protocol, it does not reach behind it.
 */
#include "engine/journal.h"
