/* A curve in a single line of text. */
#ifndef GCSHIM_STAT_SPARKLINE_H
#define GCSHIM_STAT_SPARKLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "reader/reader.h"

enum {
    SPARKLINE_CELLS = 56,
    SPARKLINE_BYTES = SPARKLINE_CELLS * 4,
    SPARKLINE_LEVELS = 8,
};

/* Which figure of a point is drawn. */
typedef uint64_t sparkline_figure(const struct reader_point *point);

/* Divides the time of the points, the oldest first, among the cells.  Each
 * shows the highest point in it, or where there is none the one before, as a
 * share of most; what is not 0 is seen.  Returns text. */
char *sparkline_format(char text[SPARKLINE_BYTES],
                       const struct reader_point *points, size_t count,
                       sparkline_figure *figure, uint64_t most, bool utf8);

#endif
