/* Size classes in order: see classes.h. */
#include "common/classes.h"

#include <stdlib.h>
#include <string.h>

#include "common/size.h"

static uint64_t product(uint64_t a, uint64_t b)
{
    uint64_t bytes = 0;

    return __builtin_mul_overflow(a, b, &bytes) ? READER_UNKNOWN : bytes;
}

uint64_t class_used_bytes(const struct reader_class *class)
{
    return product(class->used_blocks, class->block_bytes);
}

uint64_t class_free_bytes(const struct reader_class *class)
{
    if (class->used_blocks >= class->capacity_blocks)
        return 0;
    return product(class->capacity_blocks - class->used_blocks,
                   class->block_bytes);
}

unsigned class_fill(const struct reader_class *class)
{
    return size_permille(class->used_blocks, class->capacity_blocks);
}

static int falling(uint64_t a, uint64_t b)
{
    return (b > a) - (b < a);
}

static int compare(const void *left, const void *right)
{
    const struct reader_class *a = left;
    const struct reader_class *b = right;
    int order = falling(class_free_bytes(a), class_free_bytes(b));

    if (order == 0)
        order = falling(class_used_bytes(a), class_used_bytes(b));
    return order ? order : -falling(a->block_bytes, b->block_bytes);
}

struct reader_class *classes_sorted(const struct reader_process *process)
{
    size_t count = process->class_count;
    struct reader_class *classes = calloc(count + 1, sizeof(*classes));

    if (!classes)
        return NULL;
    if (count > 0)
        memcpy(classes, process->classes, count * sizeof(*classes));
    qsort(classes, count, sizeof(*classes), compare);
    return classes;
}
