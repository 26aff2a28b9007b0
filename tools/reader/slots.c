/* The table of slots: see slots.h. */
#include "reader/slots.h"

#include <errno.h>

#include "reader/refuse.h"

enum { SLOT_TRIES = 16 /* before a restless slot is given up on */ };

/* Reads slots_high afresh, as it grows.  P: [slots-high] */
static int slots_high_read(const struct segment *segment, size_t *ret_high,
                           char reason[READER_REASON_BYTES])
{
    uint64_t high = 0;
    uint64_t entries = segment->sections[GCSHIM_SECTION_SLOTS].entries;
    int err = segment_read(segment, &high, sizeof(high),
                           offsetof(struct gcshim_header, slots_high), reason);

    if (err)
        return err;
    if (high > entries)
        return refuse(reason, "claims %llu slots of %llu in use",
                      (unsigned long long)high, (unsigned long long)entries);
    *ret_high = (size_t)high;
    return 0;
}

/* One copy of the slots in use, as of one moment for each slot. */
struct pass {
    struct gcshim_slot *slots;
    size_t count;
};

static uint64_t slot_offset(const struct segment *segment, size_t index)
{
    return segment_entry(segment, GCSHIM_SECTION_SLOTS, index);
}

static int pass_read(struct pass *ret_pass, const struct segment *segment,
                     struct recall *recall, enum recall_room room,
                     char reason[READER_REASON_BYTES])
{
    struct pass pass = {0};
    int err = slots_high_read(segment, &pass.count, reason);

    if (err)
        return err;
    pass.slots = recall_take(recall, room, pass.count, sizeof(*pass.slots));
    if (!pass.slots)
        return -ENOMEM;
    err = segment_read(segment, pass.slots, pass.count * GCSHIM_SLOT_BYTES,
                       slot_offset(segment, 0), reason);
    if (err == 0)
        *ret_pass = pass;
    return err;
}

static bool pass_sum_freed(const struct pass *pass, struct reader_totals *sum)
{
    bool overflow = false;

    for (size_t i = 0; i < pass->count; i++) {
        struct gcshim_counters *total = &pass->slots[i].total;

        overflow |= __builtin_add_overflow(
            sum->freed_bytes, (uint64_t)total->freed_bytes, &sum->freed_bytes);
        overflow |= __builtin_add_overflow(sum->freed_blocks,
                                           (uint64_t)total->freed_blocks,
                                           &sum->freed_blocks);
    }
    return !overflow;
}

static bool pass_sum_allocated(const struct pass *pass,
                               struct reader_totals *sum)
{
    bool overflow = false;

    for (size_t i = 0; i < pass->count; i++) {
        struct gcshim_counters *total = &pass->slots[i].total;

        overflow |= __builtin_add_overflow(sum->allocated_bytes,
                                           (uint64_t)total->allocated_bytes,
                                           &sum->allocated_bytes);
        overflow |= __builtin_add_overflow(sum->allocated_blocks,
                                           (uint64_t)total->allocated_blocks,
                                           &sum->allocated_blocks);
    }
    return !overflow;
}

/* P: [freed-first]: the freed counters come from the earlier pass, so every
 * free that was seen has its allocation in the later one. */
static int totals_sum(const struct pass *earlier, const struct pass *later,
                      struct reader_totals *ret_totals,
                      char reason[READER_REASON_BYTES])
{
    struct reader_totals sum = {0};

    if (!pass_sum_freed(earlier, &sum) || !pass_sum_allocated(later, &sum))
        return refuse(reason, "has counters that overflow");
    if (sum.freed_bytes > sum.allocated_bytes)
        return refuse(reason, "has more bytes freed than were allocated");
    if (sum.freed_blocks > sum.allocated_blocks)
        return refuse(reason, "has more blocks freed than were allocated");
    *ret_totals = sum;
    return 0;
}

static uint64_t used_of(const struct reader_totals *totals)
{
    return totals->allocated_bytes - totals->freed_bytes;
}

/* Used comes out too large by what was allocated between two passes, much if
 * we were interrupted there: of two sums the smaller is nearer the truth. */
static int totals_best(const struct pass *before, const struct pass *copy,
                       const struct pass *after,
                       struct reader_totals *ret_totals,
                       char reason[READER_REASON_BYTES])
{
    struct reader_totals first = {0};
    struct reader_totals second = {0};
    int err = totals_sum(before, copy, &first, reason);

    if (err == 0)
        err = totals_sum(copy, after, &second, reason);
    if (err == 0)
        *ret_totals = used_of(&second) < used_of(&first) ? second : first;
    return err;
}

static bool is_settled(uint32_t before, uint32_t copy, uint32_t after)
{
    return copy % 2 == 0 && before == copy && after == copy;
}

/* A slot that changed hands during the copy, read again by itself. P:
 * [slot-epoch]  Returns 0, -EBUSY after SLOT_TRIES, or what segment_read
 * says. */
static int slot_reread(const struct segment *segment, size_t index,
                       struct gcshim_slot *slot,
                       char reason[READER_REASON_BYTES])
{
    uint64_t offset = slot_offset(segment, index);

    for (int try = 0; try < SLOT_TRIES; try++) {
        uint32_t before = 0;
        uint32_t after = 0;
        int err =
            segment_read(segment, &before, sizeof(before), offset, reason);

        if (err == 0)
            err = segment_read(segment, slot, sizeof(*slot), offset, reason);
        if (err == 0)
            err = segment_read(segment, &after, sizeof(after), offset, reason);
        if (err)
            return err;
        if (is_settled(before, slot->epoch, after))
            return 0;
    }
    return -EBUSY;
}

/* ------------------------------------------------------------- owners */

static struct reader_totals totals_of(struct gcshim_counters *counters)
{
    return (struct reader_totals){
        .allocated_bytes = counters->allocated_bytes,
        .allocated_blocks = counters->allocated_blocks,
        .freed_bytes = counters->freed_bytes,
        .freed_blocks = counters->freed_blocks,
    };
}

static struct slot_owner owner_of(size_t index, struct gcshim_slot *slot)
{
    return (struct slot_owner){
        .index = index,
        .epoch = slot->epoch,
        .tid = slot->tid,
        .total = totals_of(&slot->total),
        .at_claim = totals_of(&slot->at_claim),
    };
}

/* The three copies that make a snapshot. */
struct passes {
    struct pass before;
    struct pass copy;
    struct pass after;
};

static bool stood_still(const struct passes *passes, size_t index)
{
    return index < passes->before.count && index < passes->after.count &&
           is_settled(passes->before.slots[index].epoch,
                      passes->copy.slots[index].epoch,
                      passes->after.slots[index].epoch);
}

/* Saturates: nothing in the file is to be trusted. */
static void cached_add(struct slots *slots, const struct gcshim_slot *slot)
{
    if (__builtin_add_overflow(slots->cached_bytes,
                               (uint64_t)slot->cached_bytes,
                               &slots->cached_bytes))
        slots->cached_bytes = UINT64_MAX;
}

/* The owners of the slots in the copy, which must have stood still from before
 * to after; the few that did not are read again, one by one. */
static int owners_collect(const struct segment *segment, struct recall *recall,
                          const struct passes *passes, struct slots *slots,
                          char reason[READER_REASON_BYTES])
{
    slots->owners = recall_take(recall, RECALL_OWNERS, passes->copy.count,
                                sizeof(*slots->owners));
    if (!slots->owners)
        return -ENOMEM;
    /* The late slot, 0, has no owner, but what the whole process keeps. */
    if (passes->copy.count > GCSHIM_SLOT_LATE)
        cached_add(slots, &passes->copy.slots[GCSHIM_SLOT_LATE]);
    for (size_t i = GCSHIM_SLOT_LATE + 1; i < passes->copy.count; i++) {
        struct gcshim_slot *slot = &passes->copy.slots[i];
        int err =
            stood_still(passes, i) ? 0 : slot_reread(segment, i, slot, reason);

        if (err == -EBUSY)
            slots->restless_count++;
        else if (err)
            return err;
        else if (slot->tid != 0) {
            slots->owners[slots->owner_count++] = owner_of(i, slot);
            cached_add(slots, slot);
        }
    }
    return 0;
}

static int passes_read(const struct segment *segment, struct recall *recall,
                       struct passes *passes, char reason[READER_REASON_BYTES])
{
    int err =
        pass_read(&passes->before, segment, recall, RECALL_BEFORE, reason);

    if (err == 0)
        err = pass_read(&passes->copy, segment, recall, RECALL_COPY, reason);
    if (err == 0)
        err = pass_read(&passes->after, segment, recall, RECALL_AFTER, reason);
    return err;
}

int slots_read(const struct segment *segment, struct recall *recall,
               struct slots *ret_slots, char ret_reason[READER_REASON_BYTES])
{
    struct slots slots = {0};
    struct passes passes = {0};
    int err = passes_read(segment, recall, &passes, ret_reason);

    if (err == 0)
        err = totals_best(&passes.before, &passes.copy, &passes.after,
                          &slots.totals, ret_reason);
    if (err == 0)
        err = owners_collect(segment, recall, &passes, &slots, ret_reason);
    if (err == 0)
        *ret_slots = slots;
    return err;
}

/* --------------------------------------------------------------- trim */

/* Numbers of requests go round: of two, the later is less than half way
 * ahead. */
static bool is_served(uint32_t trimmed, uint32_t request)
{
    return (int32_t)(trimmed - request) >= 0;
}

int slots_trimmed(const struct segment *segment, uint32_t request,
                  size_t *ret_done, size_t *ret_threads,
                  char ret_reason[READER_REASON_BYTES])
{
    struct recall recall = {0};
    struct pass pass = {0};
    size_t done = 0;
    size_t threads = 0;
    int err = pass_read(&pass, segment, &recall, RECALL_COPY, ret_reason);

    for (size_t i = GCSHIM_SLOT_LATE + 1; i < pass.count; i++) {
        if (pass.slots[i].tid == 0)
            continue;
        threads++;
        done += is_served(pass.slots[i].trimmed, request);
    }
    recall_fini(&recall);
    if (err)
        return err;
    *ret_done = done;
    *ret_threads = threads;
    return 0;
}
