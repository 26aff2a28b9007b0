/* Sums by block size: see classes.h. */
#include "reader/classes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader/refuse.h"

struct reader_class classes_fetch(struct gcshim_class *class)
{
    return (struct reader_class){
        .block_bytes = class->block_bytes,
        .pages = class->pages,
        .full_pages = class->full_pages,
        .empty_pages = class->empty_pages,
        .used_blocks = class->used_blocks,
        .capacity_blocks = class->capacity_blocks,
        .reserved_blocks = class->reserved_blocks,
    };
}

/* Where a block size stands among the others, or would. */
static size_t find(const struct classes *classes, uint64_t block_bytes)
{
    size_t low = 0;
    size_t high = classes->count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (classes->sums[middle].block_bytes < block_bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool stands_at(const struct classes *classes, size_t at,
                      uint64_t block_bytes)
{
    return at < classes->count && classes->sums[at].block_bytes == block_bytes;
}

static void insert(struct classes *classes, size_t at, uint64_t block_bytes)
{
    size_t behind = classes->count++ - at;

    memmove(&classes->sums[at + 1], &classes->sums[at],
            behind * sizeof(classes->sums[0]));
    memmove(&classes->holders[at + 1], &classes->holders[at],
            behind * sizeof(classes->holders[0]));
    classes->sums[at] = (struct reader_class){.block_bytes = block_bytes};
    classes->holders[at] = 0;
}

static void leave_out(struct classes *classes, size_t at)
{
    size_t behind = --classes->count - at;

    memmove(&classes->sums[at], &classes->sums[at + 1],
            behind * sizeof(classes->sums[0]));
    memmove(&classes->holders[at], &classes->holders[at + 1],
            behind * sizeof(classes->holders[0]));
}

static int add(struct classes *classes, const struct reader_class *class,
               char reason[READER_REASON_BYTES])
{
    size_t at = find(classes, class->block_bytes);

    if (!stands_at(classes, at, class->block_bytes)) {
        if (classes->count == CLASSES_SIZES_MAX)
            return refuse(reason, "has blocks of more than %d sizes",
                          CLASSES_SIZES_MAX);
        insert(classes, at, class->block_bytes);
    }
    struct reader_class *sum = &classes->sums[at];

    classes->holders[at]++;
    sum->pages += class->pages;
    sum->full_pages += class->full_pages;
    sum->empty_pages += class->empty_pages;
    sum->used_blocks += class->used_blocks;
    sum->capacity_blocks += class->capacity_blocks;
    sum->reserved_blocks += class->reserved_blocks;
    return 0;
}

static void subtract(struct classes *classes, const struct reader_class *class)
{
    size_t at = find(classes, class->block_bytes);
    struct reader_class *sum = &classes->sums[at];

    if (!stands_at(classes, at, class->block_bytes))
        return;
    sum->pages -= class->pages;
    sum->full_pages -= class->full_pages;
    sum->empty_pages -= class->empty_pages;
    sum->used_blocks -= class->used_blocks;
    sum->capacity_blocks -= class->capacity_blocks;
    sum->reserved_blocks -= class->reserved_blocks;
    if (--classes->holders[at] == 0)
        leave_out(classes, at);
}

int classes_add(struct classes *classes, struct gcshim_count *count,
                char ret_reason[READER_REASON_BYTES])
{
    int err = 0;

    for (size_t i = 0; i < GCSHIM_CLASSES && err == 0; i++) {
        struct reader_class class = classes_fetch(&count->classes[i]);

        if (class.block_bytes != 0)
            err = add(classes, &class, ret_reason);
    }
    return err;
}

void classes_subtract(struct classes *classes, struct gcshim_count *count)
{
    for (size_t i = 0; i < GCSHIM_CLASSES; i++) {
        struct reader_class class = classes_fetch(&count->classes[i]);

        if (class.block_bytes != 0)
            subtract(classes, &class);
    }
}

int classes_copy(const struct classes *classes,
                 struct reader_class **ret_classes, size_t *ret_count)
{
    struct reader_class *copy = NULL;

    if (classes->count > 0) {
        copy = calloc(classes->count, sizeof(*copy));
        if (!copy)
            return -ENOMEM;
        memcpy(copy, classes->sums, classes->count * sizeof(*copy));
    }
    *ret_classes = copy;
    *ret_count = classes->count;
    return 0;
}
