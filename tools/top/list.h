/* A list that is looked at through a window of a few rows, one of which is
 * selected. */
#ifndef GCSHIM_TOP_LIST_H
#define GCSHIM_TOP_LIST_H

#include "top/columns.h"

struct list {
    struct row *rows; /* NULL where the views know what its lines are */
    size_t count;
    size_t selected;
    size_t first; /* row at the top of the window */
};

/* What a row is about, in a form that outlives the survey. */
struct row_key {
    bool any;
    uint32_t pid, tid;
    uint64_t created_ns;
};

/* Of no row: any is false. */
struct row_key row_key_of(const struct row *row);

/* The selected row; NULL where there is none. */
const struct row *list_selected(const struct list *list);

/* Puts new rows into a list; the selection stays with what it is about, a
 * thread's at least with its process, or where it is when that is gone. */
void list_set(struct list *list, const struct row_key *selected,
              struct row *rows, size_t count);

/* Another number of lines, of a list that has no rows of its own. */
void list_resize(struct list *list, size_t count);

/* Moves the selection so many rows, as far as the list goes. */
void list_move(struct list *list, size_t rows, bool down);

/* Moves the window itself, which shows page_rows, and the selection along. */
void list_scroll(struct list *list, size_t page_rows, size_t rows, bool down);

/* Moves the window so that the selected row is in it. */
void list_fit(struct list *list, size_t page_rows);

#endif
