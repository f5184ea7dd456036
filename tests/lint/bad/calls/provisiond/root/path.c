/*
 * A program looked for in PATH.
 */
int pv_start(char **argv)
{
    return execvp(argv[0], argv);
}
