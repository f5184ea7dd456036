/*
 * Nor does it by the library itself.
 */
#include <jansson.h>
