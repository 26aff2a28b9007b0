/* The figures of a recording: what each sample holds, under the names that
 * gcshim-stat --json gives them. */
#ifndef GCSHIM_RECORDING_FIGURES_H
#define GCSHIM_RECORDING_FIGURES_H

#include <stdbool.h>
#include <stddef.h>

#include "reader/reader.h"

/* The first FIGURE_RANGES are recorded with the least and the most that they
 * were since the sample before. */
enum figure_id {
    FIGURE_USED,
    FIGURE_ALLOCATED,
    FIGURE_RESIDENT,
    FIGURE_RSS,
    FIGURE_RANGES,
    FIGURE_USED_PEAK = FIGURE_RANGES,
    FIGURE_ALLOCATED_PEAK,
    FIGURES_MAX = 64,
};

enum figure_unit { FIGURE_BYTES, FIGURE_COUNT, FIGURE_NS, FIGURE_MS };

struct figure {
    const char *name;  /* in the recording */
    const char *label; /* for people */
    size_t offset;     /* in struct reader_process */
    enum figure_unit unit;
    bool is_of_gc; /* unknown where there is no runtime that collects */
};

extern const struct figure figures[];
extern const size_t figure_count; /* FIGURES_MAX at most */

/* "bytes", "count", "ns", "ms". */
const char *figure_unit_name(enum figure_unit unit);

uint64_t figure_of(const struct reader_process *process, size_t index);

/* The names of the extremes: "used_min_bytes", "used_max_bytes", ... */
extern const char *const figure_least_names[FIGURE_RANGES];
extern const char *const figure_most_names[FIGURE_RANGES];

#endif
