/*
 * Indented with a tab, brace on the wrong line.
 */
int pv_tabs(void) {
	return 1;
}
