/* A list of blocks, with gaps: see blocks.h. */
#include "reader/blocks.h"

#include <errno.h>
#include <stdlib.h>

#include "reader/refuse.h"

/* One copy of the entries that may be in use. */
struct pass {
    struct gcshim_huge *entries;
    size_t count;
};

static int pass_read(struct pass *pass, const struct segment *segment,
                     enum gcshim_section_kind kind,
                     char reason[READER_REASON_BYTES])
{
    pass->entries = calloc(pass->count, sizeof(*pass->entries));
    if (!pass->entries)
        return -ENOMEM;
    return segment_read(segment, pass->entries,
                        pass->count * sizeof(*pass->entries),
                        segment_entry(segment, kind, 0), reason);
}

/* An entry is empty whenever it changes, so one that is the same twice has not
 * changed meanwhile, or back into the same.  P: [huge] */
static bool is_settled(struct gcshim_huge *before, struct gcshim_huge *after)
{
    return after->address != 0 && after->address == before->address &&
           after->bytes == before->bytes &&
           after->allocated_ns == before->allocated_ns &&
           after->tid == before->tid && after->site == before->site;
}

static struct block block_of(struct gcshim_huge *entry)
{
    return (struct block){
        .address = entry->address,
        .bytes = entry->bytes,
        .allocated_ns = entry->allocated_ns,
        .tid = entry->tid,
        .site = entry->site & GCSHIM_SITE_MASK,
        .mean = entry->site >> GCSHIM_SITE_MEAN_SHIFT,
    };
}

static size_t blocks_collect(const struct pass *before,
                             const struct pass *after, struct block *blocks)
{
    size_t count = 0;

    for (size_t i = 0; i < after->count; i++) {
        if (!is_settled(&before->entries[i], &after->entries[i]))
            continue;
        blocks[count] = block_of(&after->entries[i]);
        count += blocks[count].bytes <= SEGMENT_BYTES_MAX;
    }
    return count;
}

static int passes_read(const struct segment *segment,
                       enum gcshim_section_kind kind, size_t high,
                       struct block **ret_blocks, size_t *ret_count,
                       char reason[READER_REASON_BYTES])
{
    struct pass before = {.count = high};
    struct pass after = {.count = high};
    struct block *blocks = calloc(high, sizeof(*blocks));
    int err = blocks ? pass_read(&before, segment, kind, reason) : -ENOMEM;

    if (err == 0)
        err = pass_read(&after, segment, kind, reason);
    if (err == 0) {
        *ret_count = blocks_collect(&before, &after, blocks);
        *ret_blocks = blocks;
    } else {
        free(blocks);
    }
    free(before.entries);
    free(after.entries);
    return err;
}

int blocks_read(const struct segment *segment, enum gcshim_section_kind kind,
                uint64_t high, const char *what, struct block **ret_blocks,
                size_t *ret_count, char ret_reason[READER_REASON_BYTES])
{
    uint64_t entries = segment->sections[kind].entries;

    if (entries != 0 && high > entries)
        return refuse(ret_reason, "claims %llu %s of %llu in use",
                      (unsigned long long)high, what,
                      (unsigned long long)entries);
    if (entries != 0 && high != 0)
        return passes_read(segment, kind, (size_t)high, ret_blocks, ret_count,
                           ret_reason);
    *ret_blocks = NULL;
    *ret_count = 0;
    return 0;
}

int blocks_huge_high(const struct segment *segment, uint64_t *ret_high,
                     char ret_reason[READER_REASON_BYTES])
{
    return segment_read(segment, ret_high, sizeof(*ret_high),
                        offsetof(struct gcshim_header, huge_high), ret_reason);
}
