/* Fewer points in a recording, of which none hides a peak. */
#ifndef GCSHIM_RECORDING_THIN_H
#define GCSHIM_RECORDING_THIN_H

#include "recording/recording.h"

enum {
    THIN_COARSER = 8,       /* the first point against the last */
    THIN_PROCESSES_MAX = 32 /* of those that it became by exec, the last */
};

/* Leaves at most this many entries of a kind, but one at least of each
 * program that the process has run.  Of neighbours one remains, at the time of
 * the later: what stands for several samples has their extremes, what stands
 * for several collections their sums.  A point may span the longer the older
 * it is, the first THIN_COARSER times as long as the last. */
void thin(struct recording *recording, enum recording_kind kind, size_t most);

#endif
