/*
 * The protocol knows no engine.
 */
#include "engine/job.h"
