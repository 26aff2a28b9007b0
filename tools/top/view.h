/* What stands where: draws the model on a canvas of any size. */
#ifndef GCSHIM_TOP_VIEW_H
#define GCSHIM_TOP_VIEW_H

#include "top/canvas.h"
#include "top/model.h"

/* How many rows of the current screen's list fit on a canvas of that many
 * rows: for model_fit, which goes before view_draw.  Lays out the help page
 * as well, whose length depends on the width. */
size_t view_page_rows(struct model *model, int rows, int cols);

/* Draws all of it on a blank canvas. */
void view_draw(const struct model *model, struct canvas *canvas);

/* ---- the parts, one file each ---- */

void view_list_draw(const struct model *model, struct canvas *canvas);
int view_list_rows(int rows);
void view_detail_draw(const struct model *model, struct canvas *canvas);
int view_detail_rows(const struct model *model, int rows, int cols);
void view_overview_draw(const struct model *model, struct canvas *canvas,
                        int top);
/* A process's history between two rows, if there is room; or in one. */
void view_history_draw(const struct reader_process *process,
                       struct canvas *canvas, int top, int bottom);
void view_history_line(const struct reader_process *process,
                       struct canvas *canvas, int row, int label_col, int col);
void view_gc_draw(const struct model *model, struct canvas *canvas, int top);
int view_gc_rows(const struct model *model, int cols); /* above its table */
void view_sort_draw(const struct model *model, struct canvas *canvas);
int view_sort_rows(int rows);
void view_help_draw(const struct model *model, struct canvas *canvas);
int view_help_rows(int rows);
size_t view_help_lines(const struct model *model, int cols);

/* A table of one of the panels' lists, from the row top on to the bottom. */
struct view_table;
extern const struct view_table view_threads, view_classes, view_huge,
    view_sites, view_collections;
void view_table_draw(const struct view_table *table, const struct model *model,
                     struct canvas *canvas, int top);

enum { VIEW_ROWS_OF_TITLES = 1, VIEW_ROWS_BELOW = 1 };

/* For all of them: "12 things", or "1 thing". */
const char *view_plural(size_t count);

#endif
