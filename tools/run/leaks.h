/* What a program never freed, by call sites. */
#ifndef GCSHIM_RUN_LEAKS_H
#define GCSHIM_RUN_LEAKS_H

#include <stdio.h>

#include "sites/suppressions.h"

enum leaks_result {
    LEAKS_NONE, /* no site, or none that is not suppressed */
    LEAKS_LEFT,
    LEAKS_UNKNOWN, /* the program was not sampled, or cannot be read */
};

/* Prints on out what lives at each call site of a process that has ended, and
 * how much of it is suppressed. */
enum leaks_result leaks_print(FILE *out, const struct reader_process *process,
                              const struct suppressions *suppressions);

#endif
