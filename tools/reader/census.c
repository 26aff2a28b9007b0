/* The censuses: see census.h. */
#include "reader/census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader/classes.h"
#include "reader/proc.h"

enum {
    CENSUS_TRIES = 8, /* before a restless census is given up on */
    NS_PER_MS = 1000000,
};

static_assert((SEGMENT_BYTES_MAX * (GCSHIM_CLASSES + 2)) <=
                  UINT64_MAX / GCSHIM_CENSUSES,
              "sums over all censuses stay within 64 bits");

/* --------------------------------------------------------------- count */

static int taken_read(const struct segment *segment, size_t index,
                      uint64_t *ret_taken, char reason[READER_REASON_BYTES])
{
    return segment_read(segment, ret_taken, sizeof(*ret_taken),
                        segment_entry(segment, GCSHIM_SECTION_CENSUS, index) +
                            offsetof(struct gcshim_census, taken),
                        reason);
}

/* Copies a slot's last count, unless its number is the known one: 0, -ENOENT
 * if there is none, -EBUSY if it does not hold still.  After taken has gone from n to n + 1 the owner may be
 * writing where count n was.  P: [census] */
static int count_read(const struct segment *segment, size_t index,
                      uint64_t known, struct gcshim_count *ret_count,
                      uint64_t *ret_taken, char reason[READER_REASON_BYTES])
{
    uint64_t offset = segment_entry(segment, GCSHIM_SECTION_CENSUS, index) +
                      offsetof(struct gcshim_census, counts);

    for (int try = 0; try < CENSUS_TRIES; try++) {
        uint64_t taken = 0;
        uint64_t still = 0;
        int err = taken_read(segment, index, &taken, reason);

        *ret_taken = taken;
        if (err == 0 && taken == 0)
            return -ENOENT;
        if (err == 0 && taken == known)
            return 0;
        if (err == 0)
            err = segment_read(segment, ret_count, sizeof(*ret_count),
                               offset + (taken - 1) % 2 * sizeof(*ret_count),
                               reason);
        if (err == 0)
            err = taken_read(segment, index, &still, reason);
        if (err || still == taken)
            return err;
    }
    return -EBUSY;
}

static bool class_is_sound(const struct reader_class *class)
{
    return class->block_bytes <= GCSHIM_HUGE_ABOVE &&
           class->full_pages + class->empty_pages <= class->pages &&
           class->used_blocks <= class->capacity_blocks &&
           class->capacity_blocks <= class->reserved_blocks &&
           class->reserved_blocks <= SEGMENT_BYTES_MAX / class->block_bytes;
}

/* ---------------------------------------------------------- one thread */

/* All pages of a size hold as many blocks, so a full one holds as many as
 * those that are not empty do on the average. */
static uint64_t full_page_bytes(const struct reader_class *class)
{
    uint64_t pages = class->pages - class->empty_pages;

    if (pages == 0)
        return 0;
    return class->reserved_blocks * class->block_bytes / pages *
           class->full_pages;
}

static void class_add(struct reader_census *census,
                      const struct reader_class *class)
{
    census->pages += class->pages;
    census->full_pages += class->full_pages;
    census->full_page_bytes += full_page_bytes(class);
    census->used_bytes += class->used_blocks * class->block_bytes;
    census->free_bytes +=
        (class->capacity_blocks - class->used_blocks) * class->block_bytes;
}

/* A huge block fills the one page that it has. */
static bool huge_add(struct reader_census *census, struct gcshim_count *count)
{
    uint64_t blocks = count->huge_blocks;
    uint64_t bytes = count->huge_bytes;

    if (blocks > SEGMENT_BYTES_MAX / GCSHIM_HUGE_ABOVE ||
        bytes > SEGMENT_BYTES_MAX)
        return false;
    census->huge_blocks = blocks;
    census->huge_bytes = bytes;
    census->pages += blocks;
    census->full_pages += blocks;
    census->full_page_bytes += bytes;
    census->used_bytes += bytes;
    return true;
}

static uint64_t age_ms(uint64_t then_ns, uint64_t now_ns)
{
    return slots_since(now_ns, then_ns) / NS_PER_MS;
}

static uint64_t saturating_add(uint64_t a, uint64_t b)
{
    uint64_t sum = 0;

    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX - 1 : sum;
}

/* Sums up a count.  False where it makes no sense. */
static bool count_sum(struct gcshim_count *count, struct recall_count *ret_sum)
{
    struct recall_count sum = {
        .taken_ns = count->taken_ns,
        .allocated_bytes = count->allocated_bytes,
        .freed_bytes = count->freed_bytes,
        .cached_bytes = count->cached_bytes,
        .census.page_bytes = count->page_bytes,
        .census.empty_page_bytes = count->empty_page_bytes,
    };

    if (sum.census.page_bytes > SEGMENT_BYTES_MAX ||
        sum.census.empty_page_bytes > SEGMENT_BYTES_MAX)
        return false;
    for (size_t i = 0; i < GCSHIM_CLASSES; i++) {
        struct reader_class class = classes_fetch(&count->classes[i]);

        if (class.block_bytes == 0)
            continue;
        if (!class_is_sound(&class))
            return false;
        class_add(&sum.census, &class);
    }
    if (!huge_add(&sum.census, count))
        return false;
    *ret_sum = sum;
    return true;
}

/* The census as it is now: of that age, and with that much changed since. */
static struct reader_census census_of(const struct recall_count *count,
                                      const struct reader_totals *total,
                                      uint64_t now_ns)
{
    struct reader_census census = count->census;

    census.age_ms = age_ms(count->taken_ns, now_ns);
    census.changed_bytes = saturating_add(
        slots_since(total->allocated_bytes, count->allocated_bytes),
        slots_since(total->freed_bytes, count->freed_bytes));
    return census;
}

/* ----------------------------------------------------------- all threads */

static void sum_add(struct reader_census *sum,
                    const struct reader_census *census)
{
    if (sum->age_ms == READER_UNKNOWN || sum->age_ms < census->age_ms)
        sum->age_ms = census->age_ms;
    sum->changed_bytes =
        saturating_add(sum->changed_bytes, census->changed_bytes);
    sum->pages += census->pages;
    sum->full_pages += census->full_pages;
    sum->full_page_bytes += census->full_page_bytes;
    sum->used_bytes += census->used_bytes;
    sum->free_bytes += census->free_bytes;
    sum->page_bytes += census->page_bytes;
    sum->empty_page_bytes += census->empty_page_bytes;
    sum->huge_blocks += census->huge_blocks;
    sum->huge_bytes += census->huge_bytes;
}

static census_change grown(const struct reader_totals *now,
                           uint64_t allocated_then, uint64_t freed_then)
{
    return (census_change)now->allocated_bytes - allocated_then -
           ((census_change)now->freed_bytes - freed_then);
}

/* A reading of all censuses, slot by slot. */
struct reading {
    const struct segment *segment;
    struct recall *recall;
    struct classes *classes;
    struct gcshim_count count; /* as read; and its sum, where nothing is kept */
    struct recall_count sum;
    uint64_t now_ns;
    uint64_t data_at; /* below, what has not been read is a hole */
};

/* The last count of a slot, if it is not the known one.  Where many threads
 * have not been counted, one question to the file system answers for all of
 * them. */
static int count_of(struct reading *reading, size_t index, uint64_t known,
                    struct gcshim_count *ret_count, uint64_t *ret_taken,
                    char reason[READER_REASON_BYTES])
{
    const struct segment *segment = reading->segment;
    uint64_t end = segment_entry(segment, GCSHIM_SECTION_CENSUS, index + 1);

    if (index >= segment->sections[GCSHIM_SECTION_CENSUS].entries ||
        end <= reading->data_at)
        return -ENOENT;

    int err = count_read(segment, index, known, ret_count, ret_taken, reason);

    if (err == -ENOENT)
        reading->data_at = segment_data_find(segment, end);
    return err;
}

/* Adds what has been read to the classes, if it is the owner's and sound. */
static int count_enter(struct reading *reading, struct gcshim_count *count,
                       const struct slot_owner *owner,
                       struct recall_count *ret_sum,
                       char reason[READER_REASON_BYTES])
{
    if (count->slot_epoch != owner->epoch || !count_sum(count, ret_sum))
        return -ENOENT;
    return classes_add(reading->classes, count, reason);
}

/* ------------------------------------------------------------- recalled */

static void forget(struct recall *recall, size_t index)
{
    struct recall_slot *slot = &recall->slots[index];

    if (slot->has_count)
        classes_subtract(&recall->classes, &recall->counts[index]);
    *slot = (struct recall_slot){0};
}

/* Whether what is known is all that there is: see recall.h.  Notes where the
 * totals stand. */
static bool is_as_known(struct recall *recall, const struct slot_owner *owner)
{
    struct recall_slot *slot = &recall->slots[owner->index];
    bool moves = slot->allocated_bytes != owner->total.allocated_bytes ||
                 slot->freed_bytes != owner->total.freed_bytes;
    bool is_still = slot->is_known && !moves && !slot->has_moved;

    slot->allocated_bytes = owner->total.allocated_bytes;
    slot->freed_bytes = owner->total.freed_bytes;
    slot->has_moved = moves;
    slot->reading = recall->readings;
    return is_still && (owner->index + recall->readings) % RECALL_TURNS != 0;
}

/* Reads a slot's count into the place where it is kept.  Where that fails
 * midway, nothing is known of it any more. */
static int count_renew(struct reading *reading, const struct slot_owner *owner,
                       char reason[READER_REASON_BYTES])
{
    struct recall *recall = reading->recall;
    struct recall_slot *slot = &recall->slots[owner->index];
    uint64_t taken = 0;
    int err = count_of(reading, owner->index, slot->taken, &reading->count,
                       &taken, reason);

    if (err == 0 && taken == slot->taken)
        return slot->has_count ? 0 : -ENOENT;
    if (slot->has_count)
        classes_subtract(&recall->classes, &recall->counts[owner->index]);
    slot->has_count = false;
    slot->taken = taken;
    if (err == 0) {
        struct gcshim_count *kept = &recall->counts[owner->index];

        memcpy(kept, &reading->count, sizeof(*kept));
        err = count_enter(reading, kept, owner, &slot->count, reason);
        slot->has_count = err == 0;
    }
    slot->is_known = err == 0 || err == -ENOENT;
    if (err == -EBUSY)
        slot->taken = 0;
    return err;
}

static int count_recall(struct reading *reading, const struct slot_owner *owner,
                        const struct recall_count **ret_sum,
                        char reason[READER_REASON_BYTES])
{
    struct recall *recall = reading->recall;
    struct recall_slot *slot = &recall->slots[owner->index];
    int err = 0;

    if (slot->epoch != owner->epoch)
        forget(recall, owner->index);
    slot->epoch = owner->epoch;
    if (recall->slots_high <= owner->index)
        recall->slots_high = owner->index + 1;
    if (!is_as_known(recall, owner))
        err = count_renew(reading, owner, reason);
    else if (!slot->has_count)
        err = -ENOENT;
    if (err == 0)
        *ret_sum = &slot->count;
    return err;
}

/* Slots that have no owner any more, or did not hold still. */
static void forget_others(struct recall *recall)
{
    for (size_t i = 0; i < recall->slots_high; i++) {
        if (recall->slots[i].reading != recall->readings)
            forget(recall, i);
    }
}

static int count_find(struct reading *reading, const struct slot_owner *owner,
                      const struct recall_count **ret_sum,
                      char reason[READER_REASON_BYTES])
{
    uint64_t taken = 0;

    if (reading->recall->slots)
        return count_recall(reading, owner, ret_sum, reason);

    int err =
        count_of(reading, owner->index, 0, &reading->count, &taken, reason);

    if (err == 0)
        err =
            count_enter(reading, &reading->count, owner, &reading->sum, reason);
    if (err == 0)
        *ret_sum = &reading->sum;
    return err;
}

/* ------------------------------------------------------------------ all */

static void uncounted_add(struct censuses *censuses,
                          const struct slot_owner *owner)
{
    censuses->uncounted_threads++;
    censuses->uncounted_bytes = saturating_add(
        censuses->uncounted_bytes,
        saturating_add(owner->total.allocated_bytes -
                           owner->at_claim.allocated_bytes,
                       owner->total.freed_bytes - owner->at_claim.freed_bytes));
    censuses->grown_bytes +=
        grown(&owner->total, owner->at_claim.allocated_bytes,
              owner->at_claim.freed_bytes);
}

static int owner_add(struct censuses *censuses, struct reading *reading,
                     const struct slot_owner *owner,
                     struct reader_census *ret_census,
                     char reason[READER_REASON_BYTES])
{
    const struct recall_count *count = NULL;
    int err = count_find(reading, owner, &count, reason);

    if (err == -ENOENT || err == -EBUSY) {
        *ret_census = (struct reader_census){.age_ms = READER_UNKNOWN};
        uncounted_add(censuses, owner);
        return 0;
    }
    if (err)
        return err;
    *ret_census = census_of(count, &owner->total, reading->now_ns);
    censuses->counted_threads++;
    censuses->grown_bytes +=
        grown(&owner->total, count->allocated_bytes, count->freed_bytes) -
        (census_change)count->cached_bytes;
    sum_add(&censuses->sum, ret_census);
    return 0;
}

static int all_read(struct reading *reading, const struct slots *slots,
                    struct reader_census *ret_each, struct censuses *censuses,
                    char reason[READER_REASON_BYTES])
{
    int err = 0;

    reading->recall->readings++;
    for (size_t i = 0; i < slots->owner_count && err == 0; i++)
        err = owner_add(censuses, reading, &slots->owners[i], &ret_each[i],
                        reason);
    if (err == 0 && reading->recall->slots)
        forget_others(reading->recall);
    if (err == 0)
        err = classes_copy(reading->classes, &censuses->classes,
                           &censuses->class_count);
    return err;
}

int censuses_read(const struct segment *segment, struct recall *recall,
                  const struct slots *slots, struct reader_census *ret_each,
                  struct censuses *ret_censuses,
                  char ret_reason[READER_REASON_BYTES])
{
    struct censuses censuses = {.sum.age_ms = READER_UNKNOWN};
    struct classes classes;
    struct reading reading = {.segment = segment,
                              .recall = recall,
                              .classes =
                                  recall->slots ? &recall->classes : &classes,
                              .now_ns = proc_now_ns()};

    classes.count = 0;
    int err = all_read(&reading, slots, ret_each, &censuses, ret_reason);

    if (err)
        recall_clear(recall);
    else
        *ret_censuses = censuses;
    return err;
}

void censuses_fini(struct censuses *censuses)
{
    free(censuses->classes);
    censuses->classes = NULL;
    censuses->class_count = 0;
}
