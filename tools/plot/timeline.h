/* The picture of figures over time, of one recording or of two. */
#ifndef GCSHIM_PLOT_TIMELINE_H
#define GCSHIM_PLOT_TIMELINE_H

#include <stdio.h>

#include "recording/recording.h"

/* Writes gnuplot's script: used, allocated, resident and RSS of one
 * recording, its collections and verdicts in rows below; of two, aligned at
 * their beginnings, used and allocated of each. */
void timeline_print(FILE *script, const struct recording *const recordings[],
                    size_t count);

#endif
