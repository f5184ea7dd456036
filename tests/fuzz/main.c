/*
 * libFuzzer's entry for one target, chosen when it is built (-DFUZZ_TARGET=fuzz_names).
 */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return FUZZ_TARGET(data, size);
}
