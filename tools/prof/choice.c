/* Which call sites are shown: see choice.h. */
#include "prof/choice.h"

#include <stdlib.h>

struct reader_estimate choice_bytes(const struct choice *choice,
                                    const struct reader_site *site)
{
    return choice->by_total ? site->total_bytes : site->live_bytes;
}

static int entry_compare(const void *left, const void *right, void *context)
{
    const struct choice *choice = context;
    const struct sites_entry *a = left;
    const struct sites_entry *b = right;
    double x = choice_bytes(choice, a->site).value;
    double y = choice_bytes(choice, b->site).value;

    if (x != y)
        return x < y ? 1 : -1;
    return (a->site->number > b->site->number) -
           (a->site->number < b->site->number);
}

size_t choice_make(const struct choice *choice, struct sites *sites)
{
    struct choice by = *choice;
    size_t count = 0;

    qsort_r(sites->entries, sites->count, sizeof(*sites->entries),
            entry_compare, &by);
    while (count < sites->count && (by.most == 0 || count < by.most)) {
        double bytes = choice_bytes(&by, sites->entries[count].site).value;

        if (bytes <= 0 || bytes < (double)by.least_bytes)
            break;
        count++;
    }
    return count;
}
