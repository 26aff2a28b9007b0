/* What a program's memory came to, told after its end. */
#ifndef GCSHIM_RUN_REPORT_H
#define GCSHIM_RUN_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "run/child.h"
#include "run/leaks.h"

/* Reads the newest segment that the child, ended and not yet released, has
 * left since began_ns (CLOCK_BOOTTIME) and prints the report on out; where
 * there is none, one line that says so, with the obstacle ("" if none is
 * known).  Unless keep, removes all that the child has left, as far as this
 * user may.  program: what it was started as.  With suppressions (which may be
 * empty) the report tells what was never freed too: returns what that is. */
enum leaks_result report_print(FILE *out, const struct child *child,
                               const char *program, uint64_t began_ns,
                               const char *obstacle, bool keep,
                               const struct suppressions *suppressions);

#endif
