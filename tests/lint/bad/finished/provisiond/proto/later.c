/*
 * Half of it. TODO: the other half.
 */
