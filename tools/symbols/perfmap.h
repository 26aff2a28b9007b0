/* Code that is made at run time: perf-PID.map, which the program writes if it
 * is told to (node --perf-basic-prof, python -X perf, java with an agent).
 *
 * Each line is an address and a length, in hexadecimal, and a name.  Lines
 * that are not are passed over; what is beyond a bound is left out.
 */
#ifndef GCSHIM_SYMBOLS_PERFMAP_H
#define GCSHIM_SYMBOLS_PERFMAP_H

#include <stdio.h>

#include "symbols/spans.h"

/* Begins as zeros. */
struct perfmap {
    struct spans spans;
    char *text;
    size_t bytes;
    size_t *names; /* where in the text each begins */
    size_t name_count;
};

/* 0, -ENOMEM, or -errno of the file. */
int perfmap_read(struct perfmap *map, FILE *file);

/* NULL: not known.  Not cleaned. */
const char *perfmap_find(const struct perfmap *map, uint64_t address);

void perfmap_fini(struct perfmap *map);

#endif
