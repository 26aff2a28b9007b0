#include "slot.h"

#include "clock.h"
#include "segment.h"

#include <string.h>

enum {
    WORD_BITS = 64,
    WORDS = GCSHIM_SLOTS / WORD_BITS,
    SUM_TRIES = 4,
    SUM_TOLERANCE_BYTES = 64 * 1024,
};

/* One bit a slot: taken or free.  Who sets a bit owns the slot until it
 * clears it.  P: [slot-bit] */
static _Atomic uint64_t taken[WORDS];

/* As header.slots_high, in private memory for a fork child to find. */
static _Atomic uint64_t high = 1;

static uint64_t slot_index(const struct gcshim_slot *slot)
{
    return (uint64_t)(slot - region.segment.slots);
}

static bool bit_claim(uint64_t index)
{
    uint64_t bit = UINT64_C(1) << (index % WORD_BITS);
    /* Acquire: see the slot as its last owner left it. */
    return !(atomic_fetch_or_explicit(&taken[index / WORD_BITS], bit,
                                      memory_order_acquire) &
             bit);
}

static void bit_release(uint64_t index)
{
    uint64_t bit = UINT64_C(1) << (index % WORD_BITS);
    atomic_fetch_and_explicit(&taken[index / WORD_BITS], ~bit,
                              memory_order_release);
}

/* The lowest free bit, now ours; the table's end if there is none.  Slot 0
 * is the late slot and nobody's. */
static uint64_t bit_claim_lowest(void)
{
    for (uint64_t word = 0; word < WORDS; word++) {
        uint64_t reserved = word == 0 ? 1 : 0;
        uint64_t bits = atomic_load_explicit(&taken[word],
                                             memory_order_relaxed);
        while (~(bits | reserved)) {
            uint64_t index = word * WORD_BITS +
                             (uint64_t)__builtin_ctzll(~(bits | reserved));
            if (bit_claim(index))
                return index;
            bits = atomic_load_explicit(&taken[word], memory_order_relaxed);
        }
    }
    return GCSHIM_SLOTS;
}

static uint64_t field(uint64_t recent, unsigned from, unsigned to)
{
    return recent << (64 - to) >> (64 - to + from);
}

/* Of the two totals, the one that recent adds to. */
static unsigned total_index(uint64_t recent)
{
    return recent >> RECENT_TOTAL_SHIFT & 1;
}

static uint64_t passed(const struct slot_twin *twin, uint64_t recent)
{
    int64_t left = (int64_t)recent >> RECENT_LEFT_SHIFT;
    return counter_read(&twin->left_at_first[total_index(recent)]) -
           (uint64_t)left;
}

static void totals(const struct slot_twin *twin, uint64_t recent,
                   struct gcshim_counters *ret_totals)
{
    const struct gcshim_counters *total = &twin->total[total_index(recent)];
    uint64_t allocated_bytes =
        field(recent, RECENT_BYTES_SHIFT, RECENT_TOTAL_SHIFT);
    counter_set(&ret_totals->allocated_bytes,
                counter_read(&total->allocated_bytes) + allocated_bytes);
    counter_set(&ret_totals->allocated_blocks,
                counter_read(&total->allocated_blocks) +
                    field(recent, RECENT_BLOCKS_SHIFT, RECENT_BYTES_SHIFT));
    counter_set(&ret_totals->freed_bytes,
                counter_read(&total->freed_bytes) + passed(twin, recent) -
                    allocated_bytes);
    counter_set(&ret_totals->freed_blocks,
                counter_read(&total->freed_blocks) +
                    field(recent, 0, RECENT_BLOCKS_SHIFT));
}

static struct slot_twin *twin_of(const struct gcshim_slot *slot)
{
    return slot_twin((struct gcshim_slot *)slot);
}

void slot_totals(const struct gcshim_slot *slot,
                 struct gcshim_counters *ret_totals)
{
    const struct slot_twin *twin = twin_of(slot);
    totals(twin, counter_read(&twin->recent), ret_totals);
}

uint64_t slot_passed(const struct gcshim_slot *slot)
{
    const struct slot_twin *twin = twin_of(slot);
    return passed(twin, counter_read(&twin->recent));
}

/* Again if a signal handler has counted meanwhile. */
void slot_arm(struct gcshim_slot *slot, uint64_t bytes)
{
    struct slot_twin *twin = slot_twin(slot);
    uint64_t recent = counter_read(&twin->recent), next;
    do {
        uint64_t other = !total_index(recent);
        totals(twin, recent, &twin->total[other]);
        counter_set(&twin->left_at_first[other], bytes);
        next = bytes << RECENT_LEFT_SHIFT | other << RECENT_TOTAL_SHIFT;
    } while (!atomic_compare_exchange_weak_explicit(
        &twin->recent, &recent, next, memory_order_acq_rel,
        memory_order_acquire));
}

static struct gcshim_counters *twin_total(struct gcshim_slot *slot)
{
    struct slot_twin *twin = slot_twin(slot);
    return &twin->total[total_index(counter_read(&twin->recent))];
}

void slot_count_alloc(struct gcshim_slot *slot, uint64_t bytes)
{
    struct gcshim_counters *twin = twin_total(slot);
    counter_add(&twin->allocated_bytes, bytes);
    counter_add(&twin->allocated_blocks, 1);
    counter_add(&slot->total.allocated_bytes, bytes);
    counter_add(&slot->total.allocated_blocks, 1);
}

void slot_count_free(struct gcshim_slot *slot, uint64_t bytes)
{
    struct gcshim_counters *twin = twin_total(slot);
    counter_add(&twin->freed_bytes, bytes);
    counter_add(&twin->freed_blocks, 1);
    counter_add(&slot->total.freed_bytes, bytes);
    counter_add(&slot->total.freed_blocks, 1);
}

/* Odd while the fields change: each of their release stores comes after the
 * odd one, and the even one after them all.  P: [slot-epoch] */
static void slot_begin(struct gcshim_slot *slot, uint32_t tid)
{
    uint32_t epoch = atomic_load_explicit(&slot->epoch, memory_order_relaxed);
    atomic_store_explicit(&slot->epoch, epoch + 1, memory_order_relaxed);
    atomic_store_explicit(&slot->tid, tid, memory_order_release);
    slot_totals(slot, &slot->at_claim);
    counter_set(&slot->claimed_ns, clock_boottime_ns());
    /* Nothing of its own to give back as yet.  P: [trim] */
    atomic_store_explicit(
        &slot->trimmed,
        atomic_load_explicit(&region.segment.header.trim_requested,
                             memory_order_acquire),
        memory_order_release);
    atomic_store_explicit(&slot->epoch, epoch + 2, memory_order_release);
}

struct gcshim_slot *slot_claim(uint32_t tid)
{
    uint64_t index = bit_claim_lowest();
    if (index == GCSHIM_SLOTS)
        return NULL;
    if (!segment_reserve_slot(index)) {
        bit_release(index);
        return NULL;
    }
    struct gcshim_slot *slot = &region.segment.slots[index];
    slot_begin(slot, tid);
    counter_raise(&high, index + 1);
    /* Before the owner counts its first block.  P: [slots-high] */
    counter_raise(&region.segment.header.slots_high, index + 1);
    return slot;
}

struct gcshim_slot *slot_reclaim(struct gcshim_slot *slot, uint32_t epoch,
                                 uint32_t tid)
{
    uint64_t index = slot_index(slot);
    if (!bit_claim(index))
        return NULL;
    if (atomic_load_explicit(&slot->epoch, memory_order_relaxed) != epoch) {
        bit_release(index);
        return NULL;
    }
    atomic_store_explicit(&slot->tid, tid, memory_order_release);
    return slot;
}

uint32_t slot_release(struct gcshim_slot *slot)
{
    uint32_t epoch = atomic_load_explicit(&slot->epoch, memory_order_relaxed);
    atomic_store_explicit(&slot->tid, 0, memory_order_release);
    bit_release(slot_index(slot));
    return epoch;
}

/* Written to before it is read, the twins' first page is found once. */
void slots_start(void)
{
    counter_set(&slot_twin(SLOT_LATE)->recent, 0);
    counter_set(&region.segment.header.slots_high, slots_high());
}

void slots_inherit(struct gcshim_slot *keep, uint32_t tid)
{
    uint64_t count = slots_high();
    for (uint64_t i = 0; i < count; i++) {
        struct gcshim_slot *slot = &region.segment.slots[i];
        memset(slot, 0, sizeof(*slot));
        slot_arm(slot, 0);
        slot_totals(slot, &slot->total);
    }
    counter_set(&region.segment.header.slots_high, count);
    memset(taken, 0, sizeof(taken));
    if (!keep)
        return;
    bit_claim(slot_index(keep));
    slot_begin(keep, tid);
}

uint64_t slots_high(void)
{
    return counter_read(&high);
}

void slot_mend(struct gcshim_slot *slot)
{
    slot_totals(slot, &slot->total);
}

static void sum_freed(struct slots_sum *sum)
{
    const struct gcshim_slot *slots = region.segment.slots;
    uint64_t count = slots_high();
    sum->freed_bytes = sum->freed_blocks = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum->freed_bytes += counter_read(&slots[i].total.freed_bytes);
        sum->freed_blocks += counter_read(&slots[i].total.freed_blocks);
    }
}

/* Reads slots_high anew.  P: [slots-high] */
static void sum_allocated(struct slots_sum *sum)
{
    const struct gcshim_slot *slots = region.segment.slots;
    uint64_t count = slots_high();
    sum->allocated_bytes = sum->allocated_blocks = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum->allocated_bytes += counter_read(&slots[i].total.allocated_bytes);
        sum->allocated_blocks +=
            counter_read(&slots[i].total.allocated_blocks);
    }
}

static uint64_t sum_used(const struct slots_sum *sum)
{
    return sum->allocated_bytes - sum->freed_bytes;
}

/* P: [freed-first] */
void slots_sum(struct slots_sum *ret_sum)
{
    struct slots_sum sum, least, next;
    sum_freed(&sum);
    sum_allocated(&sum);
    least = sum;
    for (int i = 1; i < SUM_TRIES; i++) {
        sum_freed(&next);
        if (next.freed_bytes - sum.freed_bytes <= SUM_TOLERANCE_BYTES)
            break;
        sum_allocated(&next);
        if (sum_used(&next) < sum_used(&least))
            least = next;
        sum = next;
    }
    *ret_sum = least;
}

uint64_t slots_used_at_least(void)
{
    struct slots_sum sum;
    sum_allocated(&sum);
    sum_freed(&sum);
    return sum.allocated_bytes > sum.freed_bytes ? sum_used(&sum) : 0;
}

void slot_count_alloc_late(uint64_t bytes)
{
    struct gcshim_counters *twin = twin_total(SLOT_LATE);
    counter_add_shared(&twin->allocated_bytes, bytes);
    counter_add_shared(&twin->allocated_blocks, 1);
    counter_add_shared(&SLOT_LATE->total.allocated_bytes, bytes);
    counter_add_shared(&SLOT_LATE->total.allocated_blocks, 1);
}

void slot_count_free_late(uint64_t bytes)
{
    struct gcshim_counters *twin = twin_total(SLOT_LATE);
    counter_add_shared(&twin->freed_bytes, bytes);
    counter_add_shared(&twin->freed_blocks, 1);
    counter_add_shared(&SLOT_LATE->total.freed_bytes, bytes);
    counter_add_shared(&SLOT_LATE->total.freed_blocks, 1);
}
