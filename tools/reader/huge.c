/* The list of huge blocks: see huge.h. */
#include "reader/huge.h"

#include <errno.h>
#include <stdlib.h>

#include "reader/blocks.h"
#include "reader/proc.h"

enum { NS_PER_MS = 1000000 };

static struct reader_huge huge_of(const struct block *block, uint64_t now_ns)
{
    uint64_t then_ns = block->allocated_ns;

    return (struct reader_huge){
        .address = block->address,
        .bytes = block->bytes,
        .tid = block->tid,
        .age_ms = now_ns > then_ns ? (now_ns - then_ns) / NS_PER_MS : 0,
        .site = block->site >= GCSHIM_SITE_FIRST && block->site < GCSHIM_SITES
                    ? block->site
                    : READER_SITE_NONE,
    };
}

/* The largest first, of the same size by address. */
static int huge_compare(const void *left, const void *right)
{
    const struct reader_huge *a = left;
    const struct reader_huge *b = right;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return (a->address > b->address) - (a->address < b->address);
}

static int huge_list(const struct block *blocks, size_t count,
                     struct reader_huge **ret_huge)
{
    uint64_t now_ns = proc_now_ns();
    struct reader_huge *huge = calloc(count + 1, sizeof(*huge));

    if (!huge)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++)
        huge[i] = huge_of(&blocks[i], now_ns);
    qsort(huge, count, sizeof(*huge), huge_compare);
    *ret_huge = huge;
    return 0;
}

int huge_read(const struct segment *segment, struct reader_huge **ret_huge,
              size_t *ret_count, char ret_reason[READER_REASON_BYTES])
{
    struct block *blocks = NULL;
    uint64_t high = 0;
    size_t count = 0;
    int err = blocks_huge_high(segment, &high, ret_reason);

    if (err == 0)
        err = blocks_read(segment, GCSHIM_SECTION_HUGE, high, "huge blocks",
                          &blocks, &count, ret_reason);
    if (err == 0)
        err = huge_list(blocks, count, ret_huge);
    if (err == 0)
        *ret_count = count;
    free(blocks);
    return err;
}
