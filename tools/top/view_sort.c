/* The columns to sort by: one is chosen. */
#include "top/view.h"

enum { ROW_LIST = 2, ROWS_BELOW = 1, TITLE_WIDTH = 10 };

int view_sort_rows(int rows)
{
    return rows - ROW_LIST - ROWS_BELOW;
}

void view_sort_draw(const struct model *model, struct canvas *canvas)
{
    const struct list *list = &model->sorts;
    enum column_id ids[COLUMN_COUNT];
    size_t count = model_sort_columns(model, ids);
    size_t page = (size_t)view_sort_rows(canvas->rows);

    canvas_print(canvas, 0, 0, ATTR_BOLD, "gcshim-top: sort by");
    for (size_t i = 0; i < page && list->first + i < count; i++) {
        const struct column *column = &columns[ids[list->first + i]];
        int row = ROW_LIST + (int)i;

        canvas_put_right(canvas, row, 0, TITLE_WIDTH, ATTR_BOLD, column->title);
        canvas_put(canvas, row, TITLE_WIDTH + 2, canvas->cols, ATTR_NORMAL,
                   column->help);
        canvas_key(canvas, row, 0, canvas->cols, KEY_ROW + (uint32_t)i);
        if (list->first + i == list->selected)
            canvas_row(canvas, row, ATTR_SELECTED);
    }
}
