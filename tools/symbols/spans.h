/* Ranges of addresses, to look one up by an address in it: the code of
 * compilation units, of functions, of what was compiled at run time. */
#ifndef GCSHIM_SYMBOLS_SPANS_H
#define GCSHIM_SYMBOLS_SPANS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct span {
    uint64_t start, end;
    uint64_t reach; /* the largest end up to here */
    size_t index;   /* the caller's, of what it is the range of */
};

/* Begins as zeros. */
struct spans {
    struct span *items;
    size_t count;
};

/* Later ones have the larger index.  An empty range is passed over.  0 or
 * -ENOMEM. */
int spans_add(struct spans *spans, uint64_t start, uint64_t end, size_t index);

/* After the last add and before the first find. */
void spans_sort(struct spans *spans);

/* The index of the range that holds the address; of several, that which
 * begins last, and of these the latest. */
bool spans_find(const struct spans *spans, uint64_t address, size_t *ret_index);

void spans_fini(struct spans *spans);

#endif
