/*
 * Named points at which a test can stop or kill a process. A point fires when RunDir/faults/NAME exists: the file is
 * read, removed, and its one word acted on: "kill" (SIGKILL to itself), "stop" (SIGSTOP to itself), "parent" (SIGKILL
 * to the parent). Compiled in only with -DPV_FAULTS, so a release build has neither the names nor the code.
 */
#ifndef PV_FAULT_H
#define PV_FAULT_H

#ifdef PV_FAULTS
void pv_fault_init(const char *run_dir);
void pv_fault(const char *point, const char *name);
#define PV_FAULT_INIT(run_dir) pv_fault_init(run_dir)
#define PV_FAULT(point, name)  pv_fault(point, name)
#else
#define PV_FAULT_INIT(run_dir) ((void)0)
#define PV_FAULT(point, name)  ((void)0)
#endif

#endif
