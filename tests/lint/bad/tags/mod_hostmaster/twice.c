/*
 * One tag for two messages.
 */
const char *const hm_one = "HM0900: one";
const char *const hm_two = "HM0900: two";
