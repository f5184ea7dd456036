/*
 * Both branches do the same: one of them was meant to differ.
 */
int pv_branch(int a);
int pv_branch(int a)
{
    if (a > 1)
        return 1;
    else
        return 1;
}
