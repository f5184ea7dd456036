/*
 * What the unit tests share: cmocka with what it needs before it, a pool a test, and rows of inputs that are tried one
 * by one.
 */
#ifndef TESTS_UNIT_H
#define TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <apr_general.h>
#include <apr_pools.h>

/* Setup and teardown of a test that wants a pool in *state. */
static inline int pool_make(void **state)
{
    apr_initialize();
    return apr_pool_create((apr_pool_t **)state, NULL);
}

static inline int pool_end(void **state)
{
    apr_pool_destroy(*state);
    apr_terminate();
    return 0;
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, pool_make, pool_end)
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

#endif
