/*
 * The committed corpus through every fuzz target: what once was found stays found.
 */
#include "unit.h"

#include "fuzz/fuzz.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Feeds each file of a target's folder from memory of exactly its length; gives how many there were. */
static int replay(const char *folder, int (*target)(const uint8_t *data, size_t size))
{
    static uint8_t bytes[1 << 17];
    char path[512];
    int n = 0;
    DIR *dir = opendir(folder);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
        FILE *f = fopen(path, "r");
        assert_non_null(f);
        size_t len = fread(bytes, 1, sizeof(bytes), f);
        fclose(f);
        uint8_t *exact = malloc(len ? len : 1);
        memcpy(exact, bytes, len);
        target(exact, len);
        free(exact);
        n++;
    }
    closedir(dir);
    return n;
}

#define REPLAY(name)                                                                                                   \
    static void test_corpus_of_##name(void **state)                                                                    \
    {                                                                                                                  \
        assert_true(replay("tests/fuzz/corpus/" #name, fuzz_##name) > 0);                                              \
    }
REPLAY(names)
REPLAY(conf)
REPLAY(dgram)
REPLAY(line)
REPLAY(message)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus_of_names),   cmocka_unit_test(test_corpus_of_conf),
        cmocka_unit_test(test_corpus_of_dgram),   cmocka_unit_test(test_corpus_of_line),
        cmocka_unit_test(test_corpus_of_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
