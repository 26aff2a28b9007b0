/* A curve in a single line of text: see sparkline.h. */
#include "stat/sparkline.h"

#include <stdio.h>
#include <string.h>

__extension__ typedef unsigned __int128 wide;

static const char *const blocks[] = {" ", "▁", "▂", "▃", "▄",
                                     "▅", "▆", "▇", "█"};
static const char *const ascii[] = {" ", ".", ":", "-", "=",
                                    "+", "*", "%", "#"};

/* The cell in which a point lies; the last one has the end as well. */
static size_t cell_of(const struct reader_point *points, size_t count,
                      uint64_t time_ns)
{
    uint64_t first = points[0].time_ns;
    uint64_t span = points[count - 1].time_ns - first;

    if (points[count - 1].time_ns <= first || time_ns <= first)
        return 0;
    size_t cell = (size_t)((wide)(time_ns - first) * SPARKLINE_CELLS / span);

    return cell < SPARKLINE_CELLS ? cell : SPARKLINE_CELLS - 1;
}

/* Rounded up: what is little is not nothing. */
static unsigned level_of(uint64_t bytes, uint64_t most)
{
    if (bytes >= most)
        return bytes == 0 ? 0 : SPARKLINE_LEVELS;
    return (unsigned)(((wide)bytes * SPARKLINE_LEVELS + most - 1) / most);
}

char *sparkline_format(char text[SPARKLINE_BYTES],
                       const struct reader_point *points, size_t count,
                       sparkline_figure *figure, uint64_t most, bool utf8)
{
    const char *const *glyphs = utf8 ? blocks : ascii;
    char *end = text;
    uint64_t bytes = 0;
    size_t at = 0;

    *end = '\0';
    for (size_t cell = 0; count > 0 && cell < SPARKLINE_CELLS; cell++) {
        uint64_t highest = 0;
        bool any = false;

        for (; at < count && cell_of(points, count, points[at].time_ns) <= cell;
             at++) {
            uint64_t value = figure(&points[at]);

            highest = value > highest ? value : highest;
            any = true;
        }
        bytes = any ? highest : bytes;
        end = stpcpy(end, glyphs[level_of(bytes, most)]);
    }
    return text;
}
