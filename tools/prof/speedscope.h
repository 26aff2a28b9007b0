/* The form that https://www.speedscope.app reads: JSON, with one profile of
 * the bytes that live and one of all that were ever asked for. */
#ifndef GCSHIM_PROF_SPEEDSCOPE_H
#define GCSHIM_PROF_SPEEDSCOPE_H

#include <stdio.h>

#include "symbols/symbols.h"

/* name: what the viewer shows as a title.  0 or -errno; out is flushed. */
int speedscope_write(FILE *out, const struct reader_profile *profile,
                     struct symbols *symbols, const char *name);

#endif
