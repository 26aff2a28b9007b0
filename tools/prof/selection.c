/* Which call sites are shown: see selection.h. */
#include "prof/selection.h"

#include <stdlib.h>

struct reader_estimate selection_bytes(const struct selection *selection,
                                       const struct reader_site *site)
{
    return selection->by_total ? site->total_bytes : site->live_bytes;
}

static int entry_compare(const void *left, const void *right, void *context)
{
    const struct selection *selection = context;
    const struct sites_entry *a = left;
    const struct sites_entry *b = right;
    double x = selection_bytes(selection, a->site).value;
    double y = selection_bytes(selection, b->site).value;

    if (x != y)
        return x < y ? 1 : -1;
    return (a->site->number > b->site->number) -
           (a->site->number < b->site->number);
}

size_t selection_make(const struct selection *selection, struct sites *sites)
{
    struct selection by = *selection;
    size_t count = 0;

    qsort_r(sites->entries, sites->count, sizeof(*sites->entries),
            entry_compare, &by);
    while (count < sites->count && (by.most == 0 || count < by.most)) {
        double bytes = selection_bytes(&by, sites->entries[count].site).value;

        if (bytes <= 0 || bytes < (double)by.least_bytes)
            break;
        count++;
    }
    return count;
}
