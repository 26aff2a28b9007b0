/* Ranges of addresses: see spans.h. */
#include "symbols/spans.h"

#include "reader/array.h"

/* Ranges rarely overlap.  Who makes a million that do must not keep us. */
enum { BACK_MAX = 4096 };

int spans_add(struct spans *spans, uint64_t start, uint64_t end, size_t index)
{
    if (end <= start)
        return 0;

    int r =
        array_grow((void **)&spans->items, spans->count, sizeof(*spans->items));

    if (r < 0)
        return r;
    spans->items[spans->count++] =
        (struct span){.start = start, .end = end, .index = index};
    return 0;
}

static int span_compare(const void *left, const void *right)
{
    const struct span *a = left;
    const struct span *b = right;

    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

void spans_sort(struct spans *spans)
{
    uint64_t reach = 0;

    if (spans->count == 0)
        return;
    qsort(spans->items, spans->count, sizeof(*spans->items), span_compare);
    for (size_t i = 0; i < spans->count; i++) {
        if (spans->items[i].end > reach)
            reach = spans->items[i].end;
        spans->items[i].reach = reach;
    }
}

/* How many begin at or below the address. */
static size_t begun(const struct spans *spans, uint64_t address)
{
    size_t low = 0;
    size_t high = spans->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (spans->items[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool spans_find(const struct spans *spans, uint64_t address, size_t *ret_index)
{
    size_t i = begun(spans, address);

    for (int back = 0; back < BACK_MAX && i-- > 0; back++) {
        const struct span *span = &spans->items[i];

        if (span->end > address) {
            *ret_index = span->index;
            return true;
        }
        if (span->reach <= address)
            return false;
    }
    return false;
}

void spans_fini(struct spans *spans)
{
    free(spans->items);
    *spans = (struct spans){0};
}
