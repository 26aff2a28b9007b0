/* The history of one process as an area: what was used, below what was
 * allocated, from its beginning on the left.
 *
 *     history of 3 min 12 s: # used, . allocated
 *     256.0 MiB            ..........................
 *                  ........::#####:....##############
 *           0    ######################==============
 */
#include "top/view.h"

#include "common/cli.h"
#include "common/size.h"
#include "common/sparkline.h"

enum {
    COL_TEXT = 2,
    COL_AREA = COL_TEXT + SIZE_COLUMNS + 1,
    HEIGHT_MIN = 2,
    HEIGHT_MAX = 24,
    NS_PER_MS = 1000000,
};

/* What one cell of the area shows. */
struct glyph {
    const char *text;
    enum canvas_attr attr;
};

/* How full a cell is, so many cells above the ground. */
static unsigned level_in(unsigned level, unsigned above)
{
    unsigned ground = above * SPARKLINE_LEVELS;

    if (level <= ground)
        return 0;
    return level - ground < SPARKLINE_LEVELS ? level - ground
                                             : SPARKLINE_LEVELS;
}

/* Where both would share a cell, what is used has it. */
static struct glyph glyph_of(unsigned used, unsigned allocated)
{
    bool utf8 = cli_has_utf8();

    if (used > 0)
        return (struct glyph){sparkline_glyph(used, utf8), ATTR_BAR};
    if (2 * allocated >= SPARKLINE_LEVELS)
        return (struct glyph){utf8 ? "░" : ".", ATTR_DIM};
    return (struct glyph){" ", ATTR_NORMAL};
}

static size_t cells_of(const struct canvas *canvas, int col)
{
    int cells = canvas->cols - col - COL_TEXT;

    if (cells < 1)
        return 0;
    return cells < SPARKLINE_CELLS_MAX ? (size_t)cells : SPARKLINE_CELLS_MAX;
}

static uint64_t most_of(const struct reader_process *process)
{
    return sparkline_most(process->history, process->history_count,
                          sparkline_allocated);
}

static void area_draw(struct canvas *canvas, int top, int height,
                      const struct reader_process *process)
{
    uint64_t used[SPARKLINE_CELLS_MAX];
    uint64_t allocated[SPARKLINE_CELLS_MAX];
    size_t cells = cells_of(canvas, COL_AREA);
    uint64_t most = most_of(process);

    sparkline_values(used, cells, process->history, process->history_count,
                     sparkline_used);
    sparkline_values(allocated, cells, process->history, process->history_count,
                     sparkline_allocated);
    for (size_t cell = 0; cell < cells; cell++) {
        unsigned low = sparkline_level(used[cell], most, (unsigned)height);
        unsigned high =
            sparkline_level(allocated[cell], most, (unsigned)height);

        for (int row = 0; row < height; row++) {
            unsigned above = (unsigned)(height - 1 - row);
            struct glyph glyph =
                glyph_of(level_in(low, above), level_in(high, above));

            canvas_put(canvas, top + row, COL_AREA + (int)cell, 1, glyph.attr,
                       glyph.text);
        }
    }
}

static void title_draw(struct canvas *canvas, int row,
                       const struct reader_process *process)
{
    const struct reader_point *points = process->history;
    uint64_t first = points[0].time_ns;
    uint64_t last = points[process->history_count - 1].time_ns;
    struct glyph used = glyph_of(SPARKLINE_LEVELS, 0);
    struct glyph allocated = glyph_of(0, SPARKLINE_LEVELS);
    char age[AGE_BYTES];
    int col = canvas_print(
        canvas, row, COL_TEXT, ATTR_NORMAL, "history of %s: ",
        age_format(age, last > first ? (last - first) / NS_PER_MS : 0));

    col = canvas_print(canvas, row, col, used.attr, "%s", used.text);
    col = canvas_print(canvas, row, col, ATTR_NORMAL, " used, ");
    col = canvas_print(canvas, row, col, allocated.attr, "%s", allocated.text);
    canvas_print(canvas, row, col, ATTR_NORMAL, " allocated");
}

void view_history_draw(const struct reader_process *process,
                       struct canvas *canvas, int top, int bottom)
{
    int height = bottom - top - 1;
    char size[SIZE_BYTES];

    if (process->history_count < 2 || height < HEIGHT_MIN ||
        cells_of(canvas, COL_AREA) == 0)
        return;
    if (height > HEIGHT_MAX)
        height = HEIGHT_MAX;
    title_draw(canvas, top, process);
    canvas_put_right(canvas, top + 1, COL_TEXT, SIZE_COLUMNS, ATTR_DIM,
                     size_format(size, most_of(process)));
    canvas_put_right(canvas, top + height, COL_TEXT, SIZE_COLUMNS, ATTR_DIM,
                     "0");
    area_draw(canvas, top + 1, height, process);
}

void view_history_line(const struct reader_process *process,
                       struct canvas *canvas, int row, int label_col, int col)
{
    char text[SPARKLINE_CELLS_MAX * SPARKLINE_CELL_BYTES];

    if (process->history_count < 2)
        return;
    canvas_print(canvas, row, label_col, ATTR_NORMAL, "history");
    canvas_put(canvas, row, col, canvas->cols, ATTR_BAR,
               sparkline_format(text, cells_of(canvas, col), process->history,
                                process->history_count, sparkline_used,
                                most_of(process), cli_has_utf8()));
}
