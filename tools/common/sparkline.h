/* The history of a process as a curve: in a single line of text, or as figures
 * for who draws larger. */
#ifndef GCSHIM_COMMON_SPARKLINE_H
#define GCSHIM_COMMON_SPARKLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "reader/reader.h"

enum {
    SPARKLINE_CELLS_MAX = 512,
    SPARKLINE_CELL_BYTES = 4, /* room for a cell's character, or the end */
    SPARKLINE_LEVELS = 8,
};

/* Which figure of a point is drawn. */
typedef uint64_t sparkline_figure(const struct reader_point *point);

/* The most that was in use since the point before; what was allocated. */
uint64_t sparkline_used(const struct reader_point *point);
uint64_t sparkline_allocated(const struct reader_point *point);

/* The highest figure of all points; 0 where there are none. */
uint64_t sparkline_most(const struct reader_point *points, size_t count,
                        sparkline_figure *figure);

/* Divides the time of the points, the oldest first, among the cells.  Each
 * has the highest figure of the points in it, or where there is none that of
 * the cell before.  Without points nothing is written: returns cells or 0. */
size_t sparkline_values(uint64_t values[], size_t cells,
                        const struct reader_point *points, size_t count,
                        sparkline_figure *figure);

/* The eighths of height cells that bytes fill as a share of most; rounded up,
 * as what is little is not nothing. */
unsigned sparkline_level(uint64_t bytes, uint64_t most, unsigned height);

/* The character of a cell that is filled to a level, from 0 to
 * SPARKLINE_LEVELS. */
const char *sparkline_glyph(unsigned level, bool utf8);

/* The line, of cells * SPARKLINE_CELL_BYTES bytes at most: sparkline_values as
 * shares of most.  Returns text. */
char *sparkline_format(char *text, size_t cells,
                       const struct reader_point *points, size_t count,
                       sparkline_figure *figure, uint64_t most, bool utf8);

#endif
