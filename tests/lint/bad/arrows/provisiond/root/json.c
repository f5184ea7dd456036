/*
 * Root parses no JSON.
 */
#include "proto/message.h"
