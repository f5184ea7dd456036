/*
 * Prints the rows of steps.def for the tests, a line each: what the daemon is made of, read the way the daemon reads
 * it.
 *
 *   step NAME KIND PROBE UNDO         the last two: the function, or NULL
 *   plan TYPE KIND STEP... | STEP...   the steps of the task TYPE of a KIND, in order; | is its point of no return
 */
#include <stdio.h>

int main(void)
{
#define S(name) " " #name
#define STEP(name, kind, rewind, needs, probe, act, undo, what)                                                        \
    printf("step %s %s %s %s\n", #name, #kind, #probe, #undo);
#define PLAN(type, kind, converge, before, after) printf("plan %s %s%s |%s\n", #type, #kind, before, "" after);
#include "engine/steps.def"
    return 0;
}
