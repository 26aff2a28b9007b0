/* What a fuzz target is: a function over any bytes.  libFuzzer calls it with
 * bytes of its own making, replay.c with those of files. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
