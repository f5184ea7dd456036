/*
 * A module that knows a CMS.
 */
const char *const hm_route = "/drupal/";
