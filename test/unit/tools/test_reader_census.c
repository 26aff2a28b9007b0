/* A thread's census counts only if it is whole, sound and the thread's own. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "between.h"
#include "forge.h"
#include "reader/account.h"
#include "reader/proc.h"
#include "unit.h"

enum { MIB = 1 << 20, SECOND_MS = 1000 };

static struct reader_process process;

static int begin(void **state)
{
    (void)state;
    process = (struct reader_process){0};
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    between_reads(NULL);
    reader_process_fini(&process);
    forge_end();
    return 0;
}

/* Three pages of 48 bytes: one full, one half full, one empty; and a page of
 * 1024 with half of it cut. */
static void count_fill(struct gcshim_count *count)
{
    count->taken_ns = proc_now_ns() - UINT64_C(3000000000);
    count->slot_epoch = 2;
    count->allocated_bytes = 900;
    count->freed_bytes = 350;
    count->page_bytes = 3 * 65536;
    count->empty_page_bytes = 65536;
    count->classes[6].block_bytes = 48;
    count->classes[6].pages = 3;
    count->classes[6].full_pages = 1;
    count->classes[6].empty_pages = 1;
    count->classes[6].used_blocks = 1500;
    count->classes[6].capacity_blocks = 2000;
    count->classes[6].reserved_blocks = 2000;
    count->classes[20].block_bytes = 1024;
    count->classes[20].pages = 1;
    count->classes[20].used_blocks = 10;
    count->classes[20].capacity_blocks = 32;
    count->classes[20].reserved_blocks = 64;
}

/* A segment whose one thread has been counted once. */
static struct gcshim_segment *counted(void)
{
    struct gcshim_segment *segment = forge_segment();

    segment->header.committed_bytes = 32 * MIB;
    segment->censuses[1].taken = 1;
    count_fill(&segment->censuses[1].counts[0]);
    return segment;
}

static const struct reader_census *read_census(struct gcshim_segment *segment)
{
    process = forge_read(segment);
    assert_int_equal(process.thread_count, 1);
    return &process.threads[0].census;
}

/* ------------------------------------------------------------- figures */

static void a_census_is_summed_up(void **state)
{
    (void)state;
    const struct reader_census *census = read_census(counted());

    assert_int_equal(census->pages, 4);
    assert_int_equal(census->full_pages, 1);
    assert_int_equal(census->full_page_bytes, 1000 * 48);
    assert_int_equal(census->used_bytes, 1500 * 48 + 10 * 1024);
    assert_int_equal(census->free_bytes, 500 * 48 + 22 * 1024);
    assert_int_equal(census->page_bytes, 3 * 65536);
    assert_int_equal(census->empty_page_bytes, 65536);
    assert_in_range(census->age_ms, 3 * SECOND_MS, 4 * SECOND_MS);
}

static void what_has_changed_since_is_told(void **state)
{
    (void)state;
    /* 1000 and 400 now, 900 and 350 then. */
    assert_int_equal(read_census(counted())->changed_bytes, 150);
}

static void huge_blocks_are_full_pages_of_one_block(void **state)
{
    (void)state;
    struct gcshim_segment *segment = counted();

    segment->censuses[1].counts[0].huge_blocks = 2;
    segment->censuses[1].counts[0].huge_bytes = 3 * MIB;
    const struct reader_census *census = read_census(segment);

    assert_int_equal(census->huge_bytes, 3 * MIB);
    assert_int_equal(census->pages, 6);
    assert_int_equal(census->full_pages, 3);
    assert_int_equal(census->full_page_bytes, 1000 * 48 + 3 * MIB);
    assert_int_equal(census->used_bytes, 1500 * 48 + 10 * 1024 + 3 * MIB);
}

static void the_last_count_of_two_is_read(void **state)
{
    (void)state;
    struct gcshim_segment *segment = counted();

    segment->censuses[1].taken = 4;
    count_fill(&segment->censuses[1].counts[1]);
    segment->censuses[1].counts[1].page_bytes = 7 * 65536;
    assert_int_equal(read_census(segment)->page_bytes, 7 * 65536);
}

static void size_classes_are_summed_over_threads_and_sorted(void **state)
{
    (void)state;
    struct gcshim_segment *segment = counted();

    segment->slots[2] = segment->slots[1];
    segment->slots[2].tid = 77;
    segment->header.slots_high = 3;
    segment->censuses[2].taken = 1;
    count_fill(&segment->censuses[2].counts[0]);
    segment->censuses[2].counts[0].classes[6].block_bytes = 32;
    process = forge_read(segment);

    assert_int_equal(process.class_count, 3);
    assert_int_equal(process.classes[0].block_bytes, 32);
    assert_int_equal(process.classes[1].block_bytes, 48);
    assert_int_equal(process.classes[1].used_blocks, 1500);
    assert_int_equal(process.classes[2].block_bytes, 1024);
    assert_int_equal(process.classes[2].used_blocks, 20);
    assert_int_equal(process.classes[2].reserved_blocks, 128);
    assert_int_equal(process.full_page_bytes, 1000 * 48 + 1000 * 32);
}

/* -------------------------------------------------------------- none */

static void assert_uncounted(struct gcshim_segment *segment)
{
    /* A thread that has done next to nothing would need no census. */
    segment->slots[1].total.allocated_bytes += 1 << 20;
    segment->slots[1].total.freed_bytes += 1 << 20;

    const struct reader_census *census = read_census(segment);

    assert_int_equal(census->age_ms, READER_UNKNOWN);
    assert_int_equal(census->pages, 0);
    assert_int_equal(process.full_page_bytes, READER_UNKNOWN);
    assert_int_equal(process.bill.fragmented_bytes, READER_UNKNOWN);
    assert_int_equal(process.bill.uncounted_threads, 1);
    assert_int_equal(process.bill.cached_bytes, 0);
    assert_int_equal(process.class_count, 0);
}

static void a_thread_that_was_never_counted_has_no_census(void **state)
{
    (void)state;
    struct gcshim_segment *segment = counted();

    segment->censuses[1].taken = 0;
    count_fill(&segment->censuses[1].counts[1]);
    assert_uncounted(segment);
}

static void the_census_of_the_slots_earlier_owner_is_not_taken(void **state)
{
    (void)state;
    struct gcshim_segment *segment = counted();

    segment->slots[1].epoch = 4;
    assert_uncounted(segment);
}

static void a_file_without_censuses_has_none(void **state)
{
    (void)state;
    struct gcshim_segment *segment = counted();

    segment->header.sections[1].kind = GCSHIM_SECTION_NONE;
    assert_uncounted(segment);
}

static void a_slot_beyond_the_censuses_has_none(void **state)
{
    (void)state;
    struct gcshim_segment *segment = counted();

    segment->header.sections[1].entries = 1;
    assert_uncounted(segment);
}

static void threads_behind_many_uncounted_ones_are_found(void **state)
{
    (void)state;
    struct gcshim_segment *segment = counted();

    for (uint32_t i = 2; i < 200; i++) {
        segment->slots[i].epoch = 2;
        segment->slots[i].tid = 1000000 + i;
    }
    segment->header.slots_high = 200;
    segment->censuses[150] = segment->censuses[1];
    process = forge_read(segment);
    assert_int_equal(process.bill.uncounted_threads, 197);
    for (size_t i = 0; i < process.thread_count; i++) {
        bool is_counted = process.threads[i].census.age_ms != READER_UNKNOWN;

        assert_int_equal(is_counted, process.threads[i].tid == 1000150 ||
                                         process.threads[i].tid < 1000000);
    }
}

/* ------------------------------------------------------------ hostile */

typedef void spoil(struct gcshim_count *count);

static void spoil_used(struct gcshim_count *count)
{
    count->classes[6].used_blocks = 2001;
}

static void spoil_capacity(struct gcshim_count *count)
{
    count->classes[6].capacity_blocks = UINT64_MAX;
}

static void spoil_reserved(struct gcshim_count *count)
{
    count->classes[6].reserved_blocks = UINT64_MAX;
}

static void spoil_pages(struct gcshim_count *count)
{
    count->classes[6].full_pages = UINT32_MAX;
    count->classes[6].empty_pages = 1;
}

static void spoil_block(struct gcshim_count *count)
{
    count->classes[6].block_bytes = UINT64_MAX;
}

static void spoil_page_bytes(struct gcshim_count *count)
{
    count->page_bytes = UINT64_MAX;
}

static void spoil_empty_page_bytes(struct gcshim_count *count)
{
    count->empty_page_bytes = UINT64_MAX;
}

static void spoil_huge_bytes(struct gcshim_count *count)
{
    count->huge_bytes = UINT64_MAX;
}

static void spoil_huge_blocks(struct gcshim_count *count)
{
    count->huge_blocks = UINT64_MAX;
}

static void a_census_that_makes_no_sense_is_none(void **state)
{
    (void)state;
    static spoil *const ways[] = {
        spoil_used,       spoil_capacity,    spoil_reserved,
        spoil_pages,      spoil_block,       spoil_page_bytes,
        spoil_huge_bytes, spoil_huge_blocks, spoil_empty_page_bytes,
    };

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct gcshim_segment *segment = counted();

        ways[i](&segment->censuses[1].counts[0]);
        assert_uncounted(segment);
        reader_process_fini(&process);
    }
}

static void a_census_from_the_future_is_new(void **state)
{
    (void)state;
    struct gcshim_segment *segment = counted();

    segment->censuses[1].counts[0].taken_ns = UINT64_MAX;
    segment->censuses[1].counts[0].allocated_bytes = UINT64_MAX;
    const struct reader_census *census = read_census(segment);

    assert_int_equal(census->age_ms, 0);
    assert_int_equal(census->changed_bytes, 50);
}

static void blocks_of_too_many_sizes_are_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = counted();

    segment->header.slots_high = 4;
    for (uint32_t i = 1; i < 4; i++) {
        struct gcshim_count *count = &segment->censuses[i].counts[0];

        segment->slots[i].epoch = 2;
        segment->slots[i].tid = i;
        segment->censuses[i].taken = 1;
        count_fill(count);
        for (uint32_t k = 0; k < GCSHIM_CLASSES; k++)
            count->classes[k].block_bytes = 1 + i * 100 + k;
    }
    forge_refuse(segment, "more than 112 sizes");
}

/* --------------------------------------------------------- concurrency */

static struct gcshim_segment *shared;
static int moments;

/* The owner goes on to the next count, into the half that is being read. */
static void count_again(size_t bytes, off_t offset)
{
    struct gcshim_census *census = &shared->censuses[1];
    bool is_copied =
        offset >= (off_t)offsetof(struct gcshim_segment, censuses) &&
        bytes == sizeof(struct gcshim_count);

    if (is_copied && moments-- > 0) {
        census->taken++;
        census->counts[census->taken % 2].page_bytes = 13;
        count_fill(&census->counts[(census->taken - 1) % 2]);
    }
}

static void reread_while(int times)
{
    forge_put("gcshim.w", counted());
    shared = forge_map("gcshim.w");
    count_fill(&shared->censuses[1].counts[1]);
    moments = times;
    between_reads(count_again);
    assert_int_equal(
        reader_process_init(&process, forge_path("gcshim.w"), NULL), 0);
    between_reads(NULL);
    forge_unmap(shared);
}

static void a_census_that_is_overtaken_is_read_again(void **state)
{
    (void)state;
    reread_while(3);
    assert_int_equal(process.threads[0].census.page_bytes, 3 * 65536);
    assert_int_equal(moments, -1);
}

static void a_census_that_never_holds_still_is_given_up_on(void **state)
{
    (void)state;
    reread_while(1000);
    assert_int_equal(process.threads[0].census.age_ms, READER_UNKNOWN);
    assert_int_equal(process.bill.uncounted_threads, 1);
}

enum { SNAPSHOTS = 3000 };

struct writer {
    struct gcshim_segment *segment;
    _Atomic int stop;
};

/* All words of count n are n; the half that is not the last is scribbled
 * over. */
static void *take_censuses(void *context)
{
    struct writer *writer = context;
    struct gcshim_census *census = &writer->segment->censuses[1];

    for (uint64_t n = 1; !atomic_load(&writer->stop); n++) {
        struct gcshim_count *count = &census->counts[(n - 1) % 2];

        for (int i = 0; i < GCSHIM_CLASSES; i++) {
            count->classes[i].block_bytes = 8;
            count->classes[i].used_blocks = n;
            count->classes[i].capacity_blocks = n;
            count->classes[i].reserved_blocks = n;
        }
        count->slot_epoch = 2;
        atomic_store_explicit(&census->taken, n, memory_order_release);
    }
    return NULL;
}

static void a_census_is_never_half_of_one_and_half_of_another(void **state)
{
    (void)state;
    struct writer writer = {0};
    pthread_t thread;
    size_t good = 0;

    forge_put("gcshim.w", forge_segment());
    writer.segment = forge_map("gcshim.w");
    assert_int_equal(pthread_create(&thread, NULL, take_censuses, &writer), 0);
    for (int i = 0; i < SNAPSHOTS; i++) {
        char reason[READER_REASON_BYTES];
        struct segment segment;
        struct account account;

        assert_int_equal(
            segment_open(&segment, AT_FDCWD, forge_path("gcshim.w"), reason),
            0);
        assert_int_equal(account_read(&segment, &account, reason), 0);
        if (account.threads[0].census.age_ms != READER_UNKNOWN) {
            assert_int_equal(
                account.threads[0].census.used_bytes % (8 * GCSHIM_CLASSES), 0);
            good++;
        }
        account_fini(&account);
        segment_close(&segment);
    }
    atomic_store(&writer.stop, 1);
    pthread_join(thread, NULL);
    assert_true(good > 0);
    forge_unmap(writer.segment);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_census_is_summed_up),
        TEST(what_has_changed_since_is_told),
        TEST(huge_blocks_are_full_pages_of_one_block),
        TEST(the_last_count_of_two_is_read),
        TEST(size_classes_are_summed_over_threads_and_sorted),
        TEST(a_thread_that_was_never_counted_has_no_census),
        TEST(the_census_of_the_slots_earlier_owner_is_not_taken),
        TEST(a_file_without_censuses_has_none),
        TEST(a_slot_beyond_the_censuses_has_none),
        TEST(threads_behind_many_uncounted_ones_are_found),
        TEST(a_census_that_makes_no_sense_is_none),
        TEST(a_census_from_the_future_is_new),
        TEST(blocks_of_too_many_sizes_are_refused),
        TEST(a_census_that_is_overtaken_is_read_again),
        TEST(a_census_that_never_holds_still_is_given_up_on),
        TEST(a_census_is_never_half_of_one_and_half_of_another),
    };

    return RUN(tests);
}
