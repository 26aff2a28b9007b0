/* The garbage collections of one process: what there is to be said of all of
 * them together, then the last ones, one by one.
 *
 *     collections of cpython 3.11 (pace)
 *       generation 0: 15, 1: 2, 2: 1 collections
 *       ...
 *
 *              AGO GEN     PAUSE    BEFORE     AFTER     FREED ...
 */
#include "top/view.h"

#include "common/gc.h"
#include "common/wrap.h"

enum { COL_TEXT = 2, TEXT_WIDTH_MAX = 110 };

static const char none[] =
    "This process has no runtime whose collections are watched: that takes "
    "GCSHIM_GC=observe or pace from its start on (gcshim-run --gc), or a "
    "runtime that calls the functions of gcshim.h.";

/* A text in as many lines as it takes; without a canvas, which are only
 * counted.  Returns the row behind it. */
static int text_draw(struct canvas *canvas, int row, int cols, const char *text)
{
    int width = cols - 2 * COL_TEXT;
    size_t length = 0;

    if (width > TEXT_WIDTH_MAX)
        width = TEXT_WIDTH_MAX;
    for (const char *next = NULL;
         width > 0 && (length = wrap_line(text, (size_t)width, &next)) > 0;
         text = next, row++) {
        if (canvas)
            canvas_print(canvas, row, COL_TEXT, ATTR_NORMAL, "%.*s",
                         (int)length, text);
    }
    return row;
}

/* All that stands above the table, and a blank line. */
static int head_draw(const struct reader_gc *gc, struct canvas *canvas, int row,
                     int cols)
{
    char text[GC_TEXT_BYTES];

    if (!gc->is_there)
        return text_draw(canvas, row, cols, none) + 1;
    if (canvas)
        canvas_print(canvas, row, 0, ATTR_BOLD, "collections of %s",
                     gc_title(text, gc));
    row++;
    for (int line = 0; line < GC_LINES; line++) {
        if (gc_line(text, gc, line))
            row = text_draw(canvas, row, cols, text);
    }
    return row + 1;
}

int view_gc_rows(const struct model *model, int cols)
{
    const struct reader_process *process = model->shown.process;

    return process ? head_draw(&process->gc, NULL, 0, cols) : 0;
}

void view_gc_draw(const struct model *model, struct canvas *canvas, int top)
{
    const struct reader_gc *gc = &model->shown.process->gc;
    int row = head_draw(gc, canvas, top, canvas->cols);

    if (gc->is_there && !gc->is_blind)
        view_table_draw(&view_collections, model, canvas, row);
}
