/* What pictures and pages tell of a recording beside its points. */
#ifndef GCSHIM_PLOT_STORY_H
#define GCSHIM_PLOT_STORY_H

#include <stddef.h>

#include "recording/recording.h"

enum { STORY_TITLE_BYTES = 192, STORY_LINE_BYTES = 320 };

/* "python3 train.py (pid 4711)", cut to so many bytes at most. */
void story_title(char text[STORY_TITLE_BYTES],
                 const struct recording *recording, size_t most);

/* "22 Nov 2026 11:17:40, 14.4 s in 146 points, exited with status 0" */
void story_line(char text[STORY_LINE_BYTES], const struct recording *recording);

/* A time, in the middle of a stretch over which the verdict was the same. */
struct verdict_run {
    uint64_t begin_ns;
    uint64_t end_ns;
    enum reader_verdict verdict;
};

/* The stretches one after the other; those shorter than least_ns count to the
 * one before (the first, to the one after), and so does what is not known.  The caller frees; NULL where
 * there are none, or memory is short. */
struct verdict_run *verdict_runs(const struct recording *recording,
                                 uint64_t least_ns, size_t *ret_count);

/* The sample at which a figure was largest, NULL where it is never known. */
const struct recording_entry *story_peak(const struct recording *recording,
                                         enum figure_id id);

/* What all collections came to. */
struct story_gc {
    uint64_t collections; /* with those in gaps */
    uint64_t freed_bytes;
    uint64_t pause_ns;
    uint64_t pause_ns_most; /* of those that are recorded one by one */
};

struct story_gc story_gc(const struct recording *recording);

#endif
