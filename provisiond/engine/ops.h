/* The numbers of the operations that the engine may ask for, from the tables of those who do them: PV_ROOT_vhost,
 * PV_DBA_ping. */
#ifndef PV_ENGINE_OPS_H
#define PV_ENGINE_OPS_H

typedef enum {
#define OP(name, number, caller, args, help) PV_ROOT_##name = number,
#include "root/ops.def"
#undef OP
} pv_root_op_t;

typedef enum {
#define DBOP(name, number, ...) PV_DBA_##name = number,
#include "dba/dbops.def"
#undef DBOP
} pv_dba_op_t;

#endif
