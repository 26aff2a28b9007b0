/* A segment's account as the figures of a process: see figures.h. */
#include "reader/figures.h"

#include "reader/bill.h"
#include "reader/mappings.h"
#include "reader/proc.h"

enum { NS_PER_MS = 1000000 };

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static uint64_t age_of(uint64_t then_ns)
{
    uint64_t now_ns = proc_now_ns();

    if (then_ns == 0)
        return READER_UNKNOWN;
    return now_ns > then_ns ? (now_ns - then_ns) / NS_PER_MS : 0;
}

/* A figure that no process can have is none. */
static uint64_t plausible(uint64_t bytes)
{
    return bytes <= SEGMENT_BYTES_MAX ? bytes : READER_UNKNOWN;
}

/* The committed figure is as old as the last tick, and used is of now: what
 * is in use is committed at the least, and a peak is no less than today. */
static void totals_set(struct reader_process *process,
                       const struct account *account)
{
    const struct gcshim_header *header = &account->header;

    process->totals = account->totals;
    process->used_bytes = account->used_bytes;
    process->used_peak_bytes =
        max(header->used_peak_bytes, process->used_bytes);
    process->allocated_bytes =
        max(header->committed_bytes, process->used_bytes);
    process->allocated_peak_bytes =
        max(header->committed_peak_bytes,
            max(process->allocated_bytes, process->used_peak_bytes));
    process->dropped = account->dropped_threads;
    process->age_ms = age_of(header->published_ns);
}

static void huge_set(struct reader_process *process,
                     const struct account *account)
{
    const struct gcshim_header *header = &account->header;

    process->huge = account->huge;
    process->huge_count = account->huge_count;
    process->huge_blocks = READER_UNKNOWN;
    process->huge_bytes = READER_UNKNOWN;
    process->huge_unlisted = READER_UNKNOWN;
    if (!account->has_huge)
        return;
    process->huge_blocks = plausible(header->huge_blocks);
    process->huge_bytes = plausible(header->huge_bytes);
    process->huge_unlisted = plausible(header->huge_unlisted);
}

static void baseline_set(struct reader_process *process,
                         const struct gcshim_header *header)
{
    bool is_there = header->baseline_ns != 0;

    process->baseline = (struct reader_baseline){
        .age_ms = age_of(header->baseline_ns),
        .used_bytes = is_there ? header->baseline_used_bytes : READER_UNKNOWN,
        .allocated_bytes =
            is_there ? header->baseline_committed_bytes : READER_UNKNOWN,
        .resident_bytes =
            is_there ? header->baseline_resident_bytes : READER_UNKNOWN,
        .allocated_total_bytes =
            is_there ? header->baseline_allocated_total_bytes : READER_UNKNOWN,
        .freed_total_bytes =
            is_there ? header->baseline_freed_total_bytes : READER_UNKNOWN,
    };
}

static void bill_set(struct reader_process *process,
                     const struct account *account)
{
    struct bill_facts facts = {
        .allocated_bytes = process->allocated_bytes,
        .used_bytes = process->used_bytes,
        .cached_bytes = account->cached_bytes,
        .censuses = &account->censuses,
        .left_used_bytes = account->header.left_used_bytes,
        .left_free_bytes = account->header.left_free_bytes,
        .left_page_bytes = account->header.left_page_bytes,
    };

    process->bill = bill_of(&facts);
    process->full_page_bytes = account->censuses.counted_threads > 0
                                   ? account->censuses.sum.full_page_bytes
                                   : READER_UNKNOWN;
}

void figures_set(struct reader_process *process, struct account *account)
{
    totals_set(process, account);
    process->threads = account->threads;
    process->thread_count = account->thread_count;
    process->classes = account->censuses.classes;
    process->class_count = account->censuses.class_count;
    huge_set(process, account);
    baseline_set(process, &account->header);
    bill_set(process, account);
    process->mappings = mappings_unknown();
    process->history = account->history;
    process->history_count = account->history_count;
    process->gc = account->gc;
    process->ranges = account->ranges;
    process->range_count = account->range_count;
}
