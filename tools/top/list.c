/* A list that is looked at through a window: see list.h. */
#include "top/list.h"

#include <stdlib.h>

struct row_key row_key_of(const struct row *row)
{
    if (!row)
        return (struct row_key){0};
    return (struct row_key){
        .any = true,
        .pid = row->process->pid,
        .tid = row->thread ? row->thread->tid : 0,
        .created_ns = row->process->created_ns,
    };
}

static bool is_key_of(const struct row_key *key, const struct row *row)
{
    return key->pid == row->process->pid &&
           key->created_ns == row->process->created_ns &&
           key->tid == (row->thread ? row->thread->tid : 0);
}

const struct row *list_selected(const struct list *list)
{
    return list->selected < list->count && list->rows
               ? &list->rows[list->selected]
               : NULL;
}

static bool list_select(struct list *list, const struct row_key *key)
{
    for (size_t i = 0; key->any && i < list->count; i++) {
        if (is_key_of(key, &list->rows[i])) {
            list->selected = i;
            return true;
        }
    }
    return false;
}

void list_set(struct list *list, const struct row_key *selected,
              struct row *rows, size_t count)
{
    struct row_key process = *selected;

    process.tid = 0;
    free(list->rows);
    list->rows = rows;
    list->count = count;
    if (list_select(list, selected) || list_select(list, &process))
        return;
    if (list->selected >= count)
        list->selected = count > 0 ? count - 1 : 0;
}

void list_resize(struct list *list, size_t count)
{
    list->count = count;
    if (list->selected >= count)
        list->selected = count > 0 ? count - 1 : 0;
}

void list_move(struct list *list, size_t rows, bool down)
{
    size_t last = list->count > 0 ? list->count - 1 : 0;

    if (!down)
        list->selected -= rows < list->selected ? rows : list->selected;
    else
        list->selected =
            rows < last - list->selected ? list->selected + rows : last;
}

void list_scroll(struct list *list, size_t page_rows, size_t rows, bool down)
{
    size_t last = list->count > page_rows ? list->count - page_rows : 0;

    if (down)
        list->first = rows < last - list->first ? list->first + rows : last;
    else
        list->first -= rows < list->first ? rows : list->first;
    if (list->selected < list->first)
        list->selected = list->first;
    if (page_rows > 0 && list->selected >= list->first + page_rows)
        list->selected = list->first + page_rows - 1;
}

void list_fit(struct list *list, size_t page_rows)
{
    if (list->first + page_rows > list->count)
        list->first = list->count > page_rows ? list->count - page_rows : 0;
    if (list->selected < list->first)
        list->first = list->selected;
    if (list->selected >= list->first + page_rows)
        list->first = list->selected - page_rows + 1;
}
