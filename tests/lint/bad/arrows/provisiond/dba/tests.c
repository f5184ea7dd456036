/*
 * Nothing leads to tests/.
 */
#include "tests/unit/unit.h"
