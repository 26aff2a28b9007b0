/* The verdict names what holds most of the memory, and shows why. */
#include <stdlib.h>
#include <string.h>

#include "reader/verdict.h"
#include "unit.h"

#define MIB     (UINT64_C(1) << 20)
#define UNKNOWN READER_UNKNOWN

/* In MiB; UNKNOWN stands for itself. */
struct row {
    const char *sentence;
    enum reader_verdict verdict;
    const char *evidence; /* a part of it */
    uint64_t resident, allocated, used;
    uint64_t fragmented, unreturned, overhead;
    uint64_t malloc, outside; /* of the mappings */
};

/* clang-format off */
static const struct row rows[] = {
    {"half in use is in use", READER_VERDICT_IN_USE,
     "50.0 MiB of 100.0 MiB resident are in blocks in use",
     100, 100, 50, 0, 50, 0, 100, 0},
    {"a little less is not", READER_VERDICT_UNRETURNED,
     "51.0 MiB of 100.0 MiB resident are wholly free: gcshim-ctl 42 trim would"
     " give back up to 51.0 MiB",
     100, 100, 49, 0, 51, 0, 100, 0},
    {"the most of it fragmented", READER_VERDICT_FRAGMENTED,
     "60.0 MiB of 100.0 MiB resident are free blocks in pages that exited"
     " threads left",
     100, 100, 10, 60, 30, 0, 100, 0},
    {"the most of it outside, by the mappings", READER_VERDICT_OUTSIDE,
     "60.0 MiB of 100.0 MiB resident were not handed out by malloc",
     100, 100, 10, 10, 70, 10, 40, 60},
    {"the most of it outside, without the mappings", READER_VERDICT_OUTSIDE,
     "at least 70.0 MiB of 100.0 MiB resident were not handed out by malloc",
     100, 30, 10, 10, 10, 0, UNKNOWN, UNKNOWN},
    {"what was never touched is not resident", READER_VERDICT_IN_USE,
     "8.0 MiB of 10.0 MiB resident are in blocks in use",
     10, 64, 8, 0, 56, 0, 9, 1},
    {"overhead is nobody's verdict", READER_VERDICT_FRAGMENTED, "",
     100, 100, 10, 20, 0, 70, 100, 0},
    {"no census, but more in use than not", READER_VERDICT_IN_USE, "",
     100, 100, 60, UNKNOWN, UNKNOWN, UNKNOWN, 100, 0},
    {"no census, but more outside than anything", READER_VERDICT_OUTSIDE, "",
     100, 40, 10, UNKNOWN, UNKNOWN, UNKNOWN, 40, 60},
    {"no census, and nothing decides", READER_VERDICT_UNKNOWN,
     "60.0 MiB of 100.0 MiB resident are free, in whole pages or between used",
     100, 100, 10, UNKNOWN, UNKNOWN, UNKNOWN, 70, 30},
    {"a dead process, in use", READER_VERDICT_IN_USE,
     "50.0 MiB of 58.0 MiB allocated and touched are in blocks in use",
     UNKNOWN, 90, 50, 0, 40, 0, UNKNOWN, UNKNOWN},
    {"a dead process, small, in what it took at once", READER_VERDICT_IN_USE,
     "2.0 MiB of 3.0 MiB allocated and touched",
     UNKNOWN, 32, 2, 1, 29, 0, UNKNOWN, UNKNOWN},
    {"a dead process, unreturned", READER_VERDICT_UNRETURNED,
     "168.0 MiB of 218.0 MiB allocated and touched were wholly free",
     UNKNOWN, 250, 50, 0, 200, 0, UNKNOWN, UNKNOWN},
    {"a dead process, fragmented", READER_VERDICT_FRAGMENTED,
     "150.0 MiB of 218.0 MiB allocated and touched are free blocks",
     UNKNOWN, 250, 50, 150, 50, 0, UNKNOWN, UNKNOWN},
    {"a dead process, in use, all of it touched", READER_VERDICT_IN_USE,
     "50.0 MiB of 60.0 MiB allocated are in blocks in use",
     UNKNOWN, 60, 50, 0, 0, 10, UNKNOWN, UNKNOWN},
    {"a dead process without a census", READER_VERDICT_UNKNOWN,
     "have not counted their pages",
     UNKNOWN, 250, 50, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN},
    {"nothing resident", READER_VERDICT_UNKNOWN, "",
     0, 0, 0, 0, 0, 0, 0, 0},
};
/* clang-format on */

static uint64_t mib(uint64_t figure)
{
    return figure == UNKNOWN ? UNKNOWN : figure * MIB;
}

static struct reader_process process_of(const struct row *row)
{
    return (struct reader_process){
        .pid = 42,
        .state = row->resident == UNKNOWN ? READER_DEAD : READER_LIVE,
        .resident_bytes = mib(row->resident),
        .allocated_bytes = mib(row->allocated),
        .used_bytes = mib(row->used),
        .bill = {.fragmented_bytes = mib(row->fragmented),
                 .unreturned_bytes = mib(row->unreturned),
                 .overhead_bytes = mib(row->overhead)},
        .mappings = {.malloc_bytes = mib(row->malloc),
                     .outside_bytes = mib(row->outside),
                     .other_bytes = mib(row->outside)},
    };
}

static void each_state_of_affairs_has_its_verdict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct reader_process process = process_of(row);

        verdict_give(&process);
        if (process.verdict != row->verdict)
            fail_msg("%s: %d", row->sentence, (int)process.verdict);
        if (!strstr(process.evidence, row->evidence))
            fail_msg("%s: \"%s\"", row->sentence, process.evidence);
        if ((process.evidence[0] == '\0') != (row->allocated == 0))
            fail_msg("%s: \"%s\"", row->sentence, process.evidence);
    }
}

/* rows[1]: 100 MiB resident, of which 50 are unreturned. */
static void what_others_freed_and_the_owner_has_not_seen_is_no_promise(
    void **state)
{
    (void)state;
    struct reader_process process = process_of(&rows[1]);

    process.totals.allocated_blocks = 1000;
    process.bill.uncollected_bytes = 20 * MIB;
    verdict_give(&process);
    assert_int_equal(process.verdict, READER_VERDICT_UNRETURNED);
    process.bill.uncollected_bytes = 40 * MIB;
    verdict_give(&process);
    assert_int_equal(process.verdict, READER_VERDICT_UNKNOWN);
    assert_non_null(strstr(process.evidence, "freed 40.0 MiB of it, and the "
                                             "owner has not looked since"));
    /* Ten blocks cannot hold more than ten pages. */
    process.totals.allocated_blocks = 10;
    verdict_give(&process);
    assert_int_equal(process.verdict, READER_VERDICT_UNRETURNED);
}

static void a_census_that_is_too_old_divides_nothing(void **state)
{
    (void)state;
    struct reader_process process = process_of(&rows[1]);
    uint64_t apart =
        process.bill.unreturned_bytes - process.bill.fragmented_bytes;

    process.totals.allocated_blocks = 1000;
    process.bill.changed_bytes = apart / 2;
    verdict_give(&process);
    assert_int_equal(process.verdict, READER_VERDICT_UNRETURNED);
    process.bill.changed_bytes = 2 * apart;
    verdict_give(&process);
    assert_int_equal(process.verdict, READER_VERDICT_UNKNOWN);
    assert_non_null(strstr(process.evidence, "went through malloc since"));
}

/* A hundred threads that were never counted hide 6.25 MiB at the least. */
static void threads_without_a_census_leave_a_doubt(void **state)
{
    (void)state;
    struct reader_thread threads[100] = {0};
    struct reader_process process = process_of(&rows[1]);

    for (size_t i = 0; i < 100; i++)
        threads[i].census.age_ms = UNKNOWN;
    process.threads = threads;
    process.thread_count = 100;
    process.totals.allocated_blocks = 1000;
    verdict_give(&process);
    assert_int_equal(process.verdict, READER_VERDICT_UNRETURNED);
    assert_non_null(strstr(process.evidence, "44.8 MiB of 100.0 MiB"));
    threads[7].totals.freed_bytes = 20 * MIB;
    verdict_give(&process);
    assert_int_equal(process.verdict, READER_VERDICT_UNKNOWN);
    assert_non_null(strstr(process.evidence, "have not counted their pages"));
    threads[7].totals.freed_bytes = UINT64_MAX;
    verdict_give(&process);
    assert_int_equal(process.verdict, READER_VERDICT_UNKNOWN);
    for (size_t i = 0; i < 100; i++)
        threads[i].census.age_ms = 5;
    verdict_give(&process);
    assert_int_equal(process.verdict, READER_VERDICT_UNRETURNED);
}

/* 168 MiB are left of 200 when 32 may be untouched. */
static void threads_that_ended_may_have_touched_little(void **state)
{
    (void)state;
    struct reader_thread threads[100] = {0};
    struct reader_process process = process_of(&rows[12]);

    process.threads = threads;
    process.thread_count = 100;
    verdict_give(&process);
    assert_int_equal(process.verdict, READER_VERDICT_UNRETURNED);
    assert_ptr_equal(strstr(process.evidence, "68.0 MiB of 118.0 MiB"),
                     process.evidence);
}

static void assert_evidence(struct reader_process *process, const char *part)
{
    verdict_give(process);
    if (!strstr(process->evidence, part))
        fail_msg("\"%s\", not \"%s\"", process->evidence, part);
}

static void a_fragmented_process_is_shown_its_worst_size_class(void **state)
{
    (void)state;
    struct reader_class classes[] = {
        {.block_bytes = 48,
         .pages = 12332,
         .empty_pages = 1,
         .used_blocks = 300,
         .capacity_blocks = 10000,
         .reserved_blocks = 10000},
        {.block_bytes = 1024,
         .pages = 3,
         .used_blocks = 10,
         .capacity_blocks = 100,
         .reserved_blocks = 100},
    };
    struct reader_process process = process_of(&rows[2]);

    process.classes = classes;
    process.class_count = 2;
    assert_evidence(&process,
                    "cannot be given back; size class 48: 12,331 pages held by"
                    " 3 % of their blocks, 454.7 KiB free");
    classes[0].used_blocks = 3;
    assert_evidence(&process, "held by less than 1 % of their blocks");
    classes[0].pages = 2;
    assert_evidence(&process, "size class 48: 1 page held by less than 1 % of"
                              " its blocks, ");
}

static void assert_evidence_is(struct reader_process *process,
                               const char *whole)
{
    verdict_give(process);
    assert_string_equal(process->evidence, whole);
}

/* Classes, huge blocks and orphans were counted at other times than what is
 * resident, and of all that is committed. */
static void no_part_is_named_that_is_more_than_its_whole(void **state)
{
    (void)state;
    struct reader_class class = {.block_bytes = 3072,
                                 .pages = 1000,
                                 .used_blocks = 20000,
                                 .capacity_blocks = 20000,
                                 .reserved_blocks = 20000};
    struct reader_process process = process_of(&rows[0]); /* 50 of 100 */

    process.classes = &class;
    process.class_count = 1;
    assert_evidence_is(&process,
                       "50.0 MiB of 100.0 MiB resident are in blocks in use,"
                       " the most of it, 50.0 MiB, in size class 3,072");
    process.huge_bytes = 60 * MIB;
    process.huge_blocks = 2;
    assert_evidence_is(&process,
                       "50.0 MiB of 100.0 MiB resident are in blocks in use,"
                       " the most of it, 50.0 MiB, in huge blocks (2)");
    process.used_bytes = 80 * MIB;
    process.mappings.malloc_bytes = 50 * MIB;
    process.mappings.outside_bytes = 50 * MIB;
    process.bill.orphaned_bytes = 70 * MIB;
    assert_evidence_is(&process,
                       "50.0 MiB of 100.0 MiB resident are in blocks in use;"
                       " exited threads left most of what is in use");
}

static void no_class_has_more_free_than_all_that_is_resident(void **state)
{
    (void)state;
    struct reader_class class = {.block_bytes = 3072,
                                 .pages = 1000,
                                 .used_blocks = 1000,
                                 .capacity_blocks = 25000,
                                 .reserved_blocks = 25000};
    struct reader_process process = process_of(&rows[2]); /* 60 of 100 */

    process.classes = &class;
    process.class_count = 1;
    assert_evidence_is(&process,
                       "60.0 MiB of 100.0 MiB resident are free between used"
                       " blocks and cannot be given back; size class 3,072:"
                       " 1,000 pages held by 4 % of their blocks");
}

static void memory_in_use_is_shown_where_most_of_it_is(void **state)
{
    (void)state;
    struct reader_class classes[] = {
        {.block_bytes = 1280,
         .pages = 1,
         .used_blocks = 1024,
         .capacity_blocks = 1024,
         .reserved_blocks = 1024},
    };
    struct reader_process process = process_of(&rows[0]);

    process.classes = classes;
    process.class_count = 1;
    assert_evidence(&process, "in blocks in use, the most of it, 1.3 MiB, in"
                              " size class 1,280");
    process.huge_bytes = 7 * MIB;
    process.huge_blocks = 1234;
    assert_evidence(&process, "in blocks in use, the most of it, 7.0 MiB, in"
                              " huge blocks (1,234)");
    process.huge_bytes = UNKNOWN;
    assert_evidence(&process, "size class 1,280");
}

static void what_is_outside_is_told_by_its_largest_parts(void **state)
{
    (void)state;
    struct reader_process process = process_of(&rows[3]);

    process.mappings.code_bytes = 30 * MIB;
    process.mappings.stack_bytes = 3 * MIB;
    process.mappings.other_bytes = 5 * MIB;
    process.mappings.heap_bytes = 20 * MIB;
    process.mappings.file_bytes = 2 * MIB;
    assert_evidence(&process,
                    "by malloc: 30.0 MiB JIT code, 20.0 MiB libc's own heap,"
                    " 5.0 MiB other mappings");
    process.mappings.heap_bytes = 0;
    process.mappings.stack_bytes = 0;
    process.mappings.file_bytes = 0;
    process.mappings.code_bytes = 0;
    assert_evidence(&process, "by malloc: 5.0 MiB other mappings");
}

static void orphans_are_spoken_of_if_they_are_many(void **state)
{
    (void)state;
    struct reader_process process = process_of(&rows[0]);

    process.bill.orphaned_bytes = 12 * MIB;
    verdict_give(&process);
    assert_null(strstr(process.evidence, "exited threads"));
    process.bill.orphaned_bytes = 13 * MIB;
    assert_evidence(&process,
                    "; exited threads left 13.0 MiB of what is in use");
}

static void verdicts_have_the_words_of_pypy(void **state)
{
    (void)state;
    assert_null(reader_verdict_name(READER_VERDICT_UNKNOWN));
    assert_string_equal(reader_verdict_name(READER_VERDICT_IN_USE), "in use");
    assert_string_equal(reader_verdict_name(READER_VERDICT_UNRETURNED),
                        "unreturned");
    assert_string_equal(reader_verdict_name(READER_VERDICT_FRAGMENTED),
                        "fragmented");
    assert_string_equal(reader_verdict_name(READER_VERDICT_OUTSIDE),
                        "outside malloc");
}

static void the_longest_evidence_fits(void **state)
{
    (void)state;
    struct reader_class class = {.block_bytes = UINT64_MAX - 1,
                                 .pages = UINT64_MAX - 1,
                                 .capacity_blocks = UINT64_MAX - 1};
    struct reader_process process = process_of(&rows[2]);

    process.classes = &class;
    process.class_count = 1;
    process.bill.orphaned_bytes = UINT64_MAX - 1;
    assert_evidence(&process, " of what is in use"); /* its very end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_state_of_affairs_has_its_verdict),
        cmocka_unit_test(threads_without_a_census_leave_a_doubt),
        cmocka_unit_test(
            what_others_freed_and_the_owner_has_not_seen_is_no_promise),
        cmocka_unit_test(a_census_that_is_too_old_divides_nothing),
        cmocka_unit_test(threads_that_ended_may_have_touched_little),
        cmocka_unit_test(a_fragmented_process_is_shown_its_worst_size_class),
        cmocka_unit_test(no_part_is_named_that_is_more_than_its_whole),
        cmocka_unit_test(no_class_has_more_free_than_all_that_is_resident),
        cmocka_unit_test(memory_in_use_is_shown_where_most_of_it_is),
        cmocka_unit_test(what_is_outside_is_told_by_its_largest_parts),
        cmocka_unit_test(orphans_are_spoken_of_if_they_are_many),
        cmocka_unit_test(verdicts_have_the_words_of_pypy),
        cmocka_unit_test(the_longest_evidence_fits),
    };

    return RUN(tests);
}
