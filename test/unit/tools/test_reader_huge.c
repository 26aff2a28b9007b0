/* The list of huge blocks shows those that stand still, the largest first. */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "between.h"
#include "forge.h"
#include "reader/account.h"
#include "reader/proc.h"
#include "unit.h"

enum { MIB = 1 << 20 };

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

static void entry_fill(struct gcshim_huge *entry, uint64_t address,
                       uint64_t bytes)
{
    entry->address = address;
    entry->bytes = bytes;
    entry->allocated_ns = proc_now_ns() - UINT64_C(2000000000);
    entry->tid = 7;
}

static void blocks_come_largest_first_and_gaps_are_passed_over(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    entry_fill(&segment->huge[3], 0x1000, MIB);
    entry_fill(&segment->huge[130], 0x2000, 3 * MIB);
    entry_fill(&segment->huge[200], 0x3000, 2 * MIB);
    segment->header.huge_high = 201;
    segment->header.huge_blocks = 5;
    segment->header.huge_bytes = 9 * MIB;
    segment->header.huge_unlisted = 2;
    process = forge_read(segment);

    assert_int_equal(process.huge_count, 3);
    assert_int_equal(process.huge[0].bytes, 3 * MIB);
    assert_int_equal(process.huge[1].bytes, 2 * MIB);
    assert_int_equal(process.huge[2].bytes, MIB);
    assert_int_equal(process.huge[2].address, 0x1000);
    assert_int_equal(process.huge[2].tid, 7);
    assert_in_range(process.huge[2].age_ms, 2000, 3000);
    assert_int_equal(process.huge_blocks, 5);
    assert_int_equal(process.huge_bytes, 9 * MIB);
    assert_int_equal(process.huge_unlisted, 2);
}

static void a_block_has_its_site_but_for_those_that_are_none(void **state)
{
    (void)state;
    static const uint32_t sites[] = {GCSHIM_SITE_FIRST, GCSHIM_SITE_NONE,
                                     GCSHIM_SITE_UNKNOWN, GCSHIM_SITE_NO_ROOM,
                                     GCSHIM_SITES - 1, GCSHIM_SITES};
    struct gcshim_segment *segment = forge_segment();

    for (uint32_t i = 0; i < 6; i++) {
        entry_fill(&segment->huge[i], 0x1000 + i, MIB);
        segment->huge[i].site = sites[i] | (3 << GCSHIM_SITE_MEAN_SHIFT);
    }
    segment->header.huge_high = 6;
    process = forge_read(segment);
    assert_int_equal(process.huge_count, 6);
    assert_int_equal(process.huge[0].site, GCSHIM_SITE_FIRST);
    assert_int_equal(process.huge[1].site, READER_SITE_NONE);
    assert_int_equal(process.huge[2].site, READER_SITE_NONE);
    assert_int_equal(process.huge[3].site, READER_SITE_NONE);
    assert_int_equal(process.huge[4].site, GCSHIM_SITES - 1);
    assert_int_equal(process.huge[5].site, READER_SITE_NONE);
}

static void entries_beyond_huge_high_are_not_read(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    entry_fill(&segment->huge[3], 0x1000, MIB);
    segment->header.huge_high = 3;
    process = forge_read(segment);
    assert_int_equal(process.huge_count, 0);
}

static void a_file_without_a_list_tells_nothing(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.sections[2].kind = GCSHIM_SECTION_NONE;
    segment->header.huge_high = UINT64_MAX;
    process = forge_read(segment);
    assert_int_equal(process.huge_count, 0);
    assert_int_equal(process.huge_blocks, READER_UNKNOWN);
    assert_int_equal(process.huge_bytes, READER_UNKNOWN);
    assert_int_equal(process.huge_unlisted, READER_UNKNOWN);
}

static void more_entries_in_use_than_there_are_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.huge_high = GCSHIM_HUGE_ENTRIES + 1;
    forge_refuse(segment, "claims 9345 huge blocks");
    segment = forge_segment();
    segment->header.huge_high = UINT64_MAX;
    forge_refuse(segment, "claims");
}

static void impossible_sizes_are_passed_over(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    entry_fill(&segment->huge[0], 0x1000, UINT64_MAX);
    entry_fill(&segment->huge[1], 0x2000, MIB);
    segment->header.huge_high = 2;
    segment->header.huge_bytes = UINT64_MAX / 2;
    process = forge_read(segment);
    assert_int_equal(process.huge_count, 1);
    assert_int_equal(process.huge[0].address, 0x2000);
    assert_int_equal(process.huge_bytes, READER_UNKNOWN);
}

/* --------------------------------------------------------- concurrency */

static struct gcshim_segment *shared;
static int passes;

/* Between the passes one block is freed, and one is another. */
static void churn_between(size_t bytes, off_t offset)
{
    (void)bytes;
    if (offset != (off_t)offsetof(struct gcshim_segment, huge) || ++passes < 2)
        return;
    shared->huge[0].address = 0;
    shared->huge[1].bytes = 5 * MIB;
    shared->huge[2].address = 0x9000;
    shared->huge[3].tid = 9;
    shared->huge[4].site = 9;
}

static void a_block_that_changes_meanwhile_is_left_out(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    for (uint64_t i = 0; i < 6; i++)
        entry_fill(&segment->huge[i], 0x1000 * (i + 1), MIB);
    segment->header.huge_high = 6;
    forge_put("gcshim.w", segment);
    shared = forge_map("gcshim.w");
    passes = 0;
    between_reads(churn_between);
    assert_int_equal(
        reader_process_init(&process, forge_path("gcshim.w"), NULL), 0);
    forge_unmap(shared);
    assert_int_equal(process.huge_count, 1);
    assert_int_equal(process.huge[0].address, 0x6000);
}

enum { SNAPSHOTS = 3000, ENTRIES = 64 };

struct writer {
    struct gcshim_segment *segment;
    _Atomic int stop;
};

/* The size of a block is its address. */
static void *churn(void *context)
{
    struct writer *writer = context;

    for (uint64_t n = 1; !atomic_load(&writer->stop); n++) {
        struct gcshim_huge *entry = &writer->segment->huge[n % ENTRIES];
        uint64_t address = n << 17;

        atomic_store(&entry->address, 0);
        atomic_store(&entry->bytes, address % SEGMENT_BYTES_MAX);
        atomic_store(&entry->address, address % SEGMENT_BYTES_MAX);
    }
    return NULL;
}

static void no_block_has_the_size_of_another(void **state)
{
    (void)state;
    struct writer writer = {0};
    struct gcshim_segment *forged = forge_segment();
    pthread_t thread;
    size_t seen = 0;

    forged->header.huge_high = ENTRIES;
    forge_put("gcshim.w", forged);
    writer.segment = forge_map("gcshim.w");
    assert_int_equal(pthread_create(&thread, NULL, churn, &writer), 0);
    for (int i = 0; i < SNAPSHOTS; i++) {
        char reason[READER_REASON_BYTES];
        struct segment segment;
        struct account account;

        assert_int_equal(
            segment_open(&segment, AT_FDCWD, forge_path("gcshim.w"), reason),
            0);
        assert_int_equal(account_read(&segment, &account, reason), 0);
        for (size_t k = 0; k < account.huge_count; k++, seen++)
            assert_int_equal(account.huge[k].bytes, account.huge[k].address);
        account_fini(&account);
        segment_close(&segment);
    }
    atomic_store(&writer.stop, 1);
    pthread_join(thread, NULL);
    assert_true(seen > 0);
    forge_unmap(writer.segment);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(blocks_come_largest_first_and_gaps_are_passed_over),
        TEST(a_block_has_its_site_but_for_those_that_are_none),
        TEST(entries_beyond_huge_high_are_not_read),
        TEST(a_file_without_a_list_tells_nothing),
        TEST(more_entries_in_use_than_there_are_is_refused),
        TEST(impossible_sizes_are_passed_over),
        TEST(a_block_that_changes_meanwhile_is_left_out),
        TEST(no_block_has_the_size_of_another),
    };

    return RUN(tests);
}
