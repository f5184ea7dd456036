/*
 * A shell by the library.
 */
int pv_start(const char *what)
{
    return system(what);
}
