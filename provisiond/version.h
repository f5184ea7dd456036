/* The version of all programs; they are installed together. */
#ifndef PV_VERSION_H
#define PV_VERSION_H

#define PV_VERSION "0.1.0"

#endif
