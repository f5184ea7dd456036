/*
 * What is fuzzed: one function a reader of untrusted bytes. Each hands the bytes over as a peer would, and aborts where
 * the reader broke a promise of its header (a crash, ASan and UBSan tell by themselves). libFuzzer calls one of them
 * (main.c), the unit test t_fuzz.c replays the committed corpus through all.
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int fuzz_names(const uint8_t *data, size_t size);
int fuzz_conf(const uint8_t *data, size_t size);
int fuzz_dgram(const uint8_t *data, size_t size);
int fuzz_line(const uint8_t *data, size_t size);
int fuzz_message(const uint8_t *data, size_t size);

#endif
