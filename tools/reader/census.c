/* The censuses: see census.h. */
#include "reader/census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader/array.h"
#include "reader/proc.h"
#include "reader/refuse.h"

enum {
    CENSUS_TRIES = 8, /* before a restless census is given up on */
    /* Distinct block sizes; twice as many as there are classes. */
    SIZES_MAX = 2 * GCSHIM_CLASSES,
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

/* Copies a slot's last count: 0, -ENOENT if there is none, -EBUSY if it does
 * not hold still.  After taken has gone from n to n + 1 the owner may be
 * writing where count n was.  P: [census] */
static int count_read(const struct segment *segment, size_t index,
                      struct gcshim_count *ret_count,
                      char reason[READER_REASON_BYTES])
{
    uint64_t offset = segment_entry(segment, GCSHIM_SECTION_CENSUS, index) +
                      offsetof(struct gcshim_census, counts);

    for (int try = 0; try < CENSUS_TRIES; try++) {
        uint64_t taken = 0;
        uint64_t still = 0;
        int err = taken_read(segment, index, &taken, reason);

        if (err == 0 && taken == 0)
            return -ENOENT;
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

/* One block size of a count, fetched once. */
static struct reader_class class_of(struct gcshim_class *class)
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
static bool census_of(struct gcshim_count *count,
                      const struct reader_totals *total, uint64_t now_ns,
                      struct reader_census *ret_census)
{
    struct reader_census census = {
        .age_ms = age_ms(count->taken_ns, now_ns),
        .changed_bytes = saturating_add(
            slots_since(total->allocated_bytes, count->allocated_bytes),
            slots_since(total->freed_bytes, count->freed_bytes)),
        .page_bytes = count->page_bytes,
        .empty_page_bytes = count->empty_page_bytes,
    };

    if (census.page_bytes > SEGMENT_BYTES_MAX ||
        census.empty_page_bytes > SEGMENT_BYTES_MAX)
        return false;
    for (size_t i = 0; i < GCSHIM_CLASSES; i++) {
        struct reader_class class = class_of(&count->classes[i]);

        if (class.block_bytes == 0)
            continue;
        if (!class_is_sound(&class))
            return false;
        class_add(&census, &class);
    }
    if (!huge_add(&census, count))
        return false;
    *ret_census = census;
    return true;
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

/* Where a block size stands among the others, or would. */
static size_t class_find(const struct censuses *censuses, uint64_t block_bytes)
{
    size_t low = 0;
    size_t high = censuses->class_count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (censuses->classes[middle].block_bytes < block_bytes)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static int class_insert(struct censuses *censuses, size_t at,
                        uint64_t block_bytes, char reason[READER_REASON_BYTES])
{
    void *array = censuses->classes;
    struct reader_class *place = NULL;
    int err = 0;

    if (censuses->class_count == SIZES_MAX)
        return refuse(reason, "has blocks of more than %d sizes", SIZES_MAX);
    err = array_grow(&array, censuses->class_count, sizeof(*place));
    if (err)
        return err;
    censuses->classes = array;
    place = &censuses->classes[at];
    memmove(place + 1, place, (censuses->class_count++ - at) * sizeof(*place));
    *place = (struct reader_class){.block_bytes = block_bytes};
    return 0;
}

static int class_sum(struct censuses *censuses,
                     const struct reader_class *class,
                     char reason[READER_REASON_BYTES])
{
    size_t at = class_find(censuses, class->block_bytes);
    bool is_known = at < censuses->class_count &&
                    censuses->classes[at].block_bytes == class->block_bytes;
    int err =
        is_known ? 0 : class_insert(censuses, at, class->block_bytes, reason);

    if (err)
        return err;
    struct reader_class *sum = &censuses->classes[at];

    sum->pages += class->pages;
    sum->full_pages += class->full_pages;
    sum->empty_pages += class->empty_pages;
    sum->used_blocks += class->used_blocks;
    sum->capacity_blocks += class->capacity_blocks;
    sum->reserved_blocks += class->reserved_blocks;
    return 0;
}

static int classes_sum(struct censuses *censuses, struct gcshim_count *count,
                       char reason[READER_REASON_BYTES])
{
    int err = 0;

    for (size_t i = 0; i < GCSHIM_CLASSES && err == 0; i++) {
        struct reader_class class = class_of(&count->classes[i]);

        if (class.block_bytes != 0)
            err = class_sum(censuses, &class, reason);
    }
    return err;
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
    uint64_t now_ns;
    uint64_t data_at; /* below, what has not been read is a hole */
};

/* The last count of a slot, if it is of the slot's present owner.  Where many
 * threads have not been counted, one question to the file system answers for
 * all of them. */
static int count_of(struct reading *reading, const struct slot_owner *owner,
                    struct gcshim_count *ret_count,
                    char reason[READER_REASON_BYTES])
{
    const struct segment *segment = reading->segment;
    uint64_t end =
        segment_entry(segment, GCSHIM_SECTION_CENSUS, owner->index + 1);

    if (owner->index >= segment->sections[GCSHIM_SECTION_CENSUS].entries ||
        end <= reading->data_at)
        return -ENOENT;

    int err = count_read(segment, owner->index, ret_count, reason);

    if (err == -ENOENT)
        reading->data_at = segment_data_find(segment, end);
    return err == 0 && ret_count->slot_epoch != owner->epoch ? -ENOENT : err;
}

static void uncounted_add(struct censuses *censuses,
                          const struct slot_owner *owner)
{
    censuses->uncounted_threads++;
    censuses->uncounted_bytes = saturating_add(
        censuses->uncounted_bytes,
        saturating_add(
            owner->total.allocated_bytes - owner->at_claim.allocated_bytes,
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
    struct gcshim_count count;
    int err = count_of(reading, owner, &count, reason);

    *ret_census = (struct reader_census){.age_ms = READER_UNKNOWN};
    if (err == -ENOENT || err == -EBUSY ||
        (err == 0 &&
         !census_of(&count, &owner->total, reading->now_ns, ret_census))) {
        uncounted_add(censuses, owner);
        return 0;
    }
    if (err)
        return err;
    censuses->counted_threads++;
    censuses->grown_bytes +=
        grown(&owner->total, count.allocated_bytes, count.freed_bytes) -
        (census_change)count.cached_bytes;
    sum_add(&censuses->sum, ret_census);
    return classes_sum(censuses, &count, reason);
}

int censuses_read(const struct segment *segment, const struct slots *slots,
                  struct reader_census *ret_each, struct censuses *ret_censuses,
                  char ret_reason[READER_REASON_BYTES])
{
    struct censuses censuses = {.sum.age_ms = READER_UNKNOWN};
    struct reading reading = {.segment = segment, .now_ns = proc_now_ns()};
    int err = 0;

    for (size_t i = 0; i < slots->owner_count && err == 0; i++)
        err = owner_add(&censuses, &reading, &slots->owners[i], &ret_each[i],
                        ret_reason);
    if (err)
        censuses_fini(&censuses);
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
