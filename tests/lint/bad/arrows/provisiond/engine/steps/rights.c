/*
 * A step asks root by an operation, never by its functions.
 */
#include "root/files.h"
