/* Finding rows by a text: see find.h. */
#include "top/find.h"

#include <string.h>

bool find_matches(const struct row *row, const char *text)
{
    static const enum column_id names[] = {COLUMN_PID, COLUMN_USER,
                                           COLUMN_COMMAND};
    char shown[COLUMN_TEXT_BYTES];

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        columns[names[i]].format(shown, row);
        if (strcasestr(shown, text))
            return true;
    }
    return strcasestr(row->process->comm, text) != NULL;
}

bool find_next(struct list *list, const char *text, size_t from)
{
    for (size_t i = 0; i < list->count; i++) {
        size_t at = (from + i) % list->count;

        if (find_matches(&list->rows[at], text)) {
            list->selected = at;
            return true;
        }
    }
    return false;
}
