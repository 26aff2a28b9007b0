/* One line on a terminal that says how far a recording is. */
#ifndef GCSHIM_RECORD_PROGRESS_H
#define GCSHIM_RECORD_PROGRESS_H

#include <stdbool.h>

#include "record/sampler.h"

struct progress {
    bool is_shown;
    int width;           /* of what stands there now */
    uint64_t printed_ns; /* CLOCK_BOOTTIME */
};

/* Shown where stderr is a terminal, unless it is not wanted. */
struct progress progress_make(bool is_wanted);

/* Writes it anew, a few times a second at most. */
void progress_print(struct progress *progress, const struct sampler *sampler);

/* Leaves a blank line for what comes. */
void progress_clear(struct progress *progress);

#endif
