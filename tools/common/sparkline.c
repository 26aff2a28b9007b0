/* The history of a process as a curve: see sparkline.h. */
#include "common/sparkline.h"

#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄",
                                     "▅", "▆", "▇", "█"};
static const char *const ascii[] = {" ", ".", ":", "-", "=",
                                    "+", "*", "%", "#"};

uint64_t sparkline_used(const struct reader_point *point)
{
    return point->used_peak_bytes > point->used_bytes ? point->used_peak_bytes
                                                      : point->used_bytes;
}

uint64_t sparkline_allocated(const struct reader_point *point)
{
    return point->allocated_bytes;
}

uint64_t sparkline_most(const struct reader_point *points, size_t count,
                        sparkline_figure *figure)
{
    uint64_t most = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t value = figure(&points[i]);

        most = value > most ? value : most;
    }
    return most;
}

/* How long after the first point a cell ends; the last one, and that of
 * points of a single moment, has no end. */
static uint64_t cell_end(uint64_t span, size_t cell, size_t cells)
{
    if (cell + 1 == cells)
        return UINT64_MAX;
    return (uint64_t)(((wide)span * (cell + 1) + cells - 1) / cells);
}

/* Points may come from a hostile file: their times need not rise. */
static uint64_t since(const struct reader_point *first,
                      const struct reader_point *point)
{
    return point->time_ns > first->time_ns ? point->time_ns - first->time_ns
                                           : 0;
}

size_t sparkline_values(uint64_t values[], size_t cells,
                        const struct reader_point *points, size_t count,
                        sparkline_figure *figure)
{
    uint64_t span = count > 0 ? since(points, &points[count - 1]) : 0;
    uint64_t value = 0;
    size_t at = 0;

    for (size_t cell = 0; count > 0 && cell < cells; cell++) {
        uint64_t end = span > 0 ? cell_end(span, cell, cells) : UINT64_MAX;
        uint64_t highest = 0;
        size_t first = at;

        for (; at < count && since(points, &points[at]) < end; at++) {
            uint64_t each = figure(&points[at]);

            highest = each > highest ? each : highest;
        }
        value = at > first ? highest : value;
        values[cell] = value;
    }
    return count > 0 ? cells : 0;
}

unsigned sparkline_level(uint64_t bytes, uint64_t most, unsigned height)
{
    unsigned levels = height * SPARKLINE_LEVELS;

    if (bytes >= most)
        return bytes == 0 ? 0 : levels;
    return (unsigned)(((wide)bytes * levels + most - 1) / most);
}

const char *sparkline_glyph(unsigned level, bool utf8)
{
    return utf8 ? blocks[level] : ascii[level];
}

char *sparkline_format(char *text, size_t cells,
                       const struct reader_point *points, size_t count,
                       sparkline_figure *figure, uint64_t most, bool utf8)
{
    uint64_t values[SPARKLINE_CELLS_MAX];
    char *end = text;

    if (cells > SPARKLINE_CELLS_MAX)
        cells = SPARKLINE_CELLS_MAX;
    cells = sparkline_values(values, cells, points, count, figure);
    *end = '\0';
    for (size_t i = 0; i < cells; i++)
        end = stpcpy(
            end, sparkline_glyph(sparkline_level(values[i], most, 1), utf8));
    return text;
}
