/*
 * A shell by hand.
 */
char *const pv_argv[] = {"/bin/sh", "-c", "id"};
