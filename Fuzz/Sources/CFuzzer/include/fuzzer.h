#pragma once
#include <stddef.h>
#include <stdint.h>

/// libFuzzer's loop, without its `main`: the `fuzzer_no_main` library of compiler-rt.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one)(const uint8_t *data, size_t size));
