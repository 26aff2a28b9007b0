/* Sums over many counts, a line for each block size. */
#ifndef GCSHIM_READER_CLASSES_H
#define GCSHIM_READER_CLASSES_H

#include "gcshim/layout.h"
#include "reader/reader.h"

/* Distinct block sizes; twice as many as there are classes. */
enum { CLASSES_SIZES_MAX = 2 * GCSHIM_CLASSES };

struct classes {
    struct reader_class sums[CLASSES_SIZES_MAX]; /* sorted by block size */
    size_t holders[CLASSES_SIZES_MAX];           /* counts that have it */
    size_t count;
};

/* One block size of a count, fetched once. */
struct reader_class classes_fetch(struct gcshim_class *class);

/* Adds a count, whose classes must be sound: -EPROTO, with some of it added,
 * where there are too many sizes. */
int classes_add(struct classes *classes, struct gcshim_count *count,
                char ret_reason[READER_REASON_BYTES]);

/* Takes one away that was added and has not changed since. */
void classes_subtract(struct classes *classes, struct gcshim_count *count);

/* The caller frees. */
int classes_copy(const struct classes *classes,
                 struct reader_class **ret_classes, size_t *ret_count);

#endif
