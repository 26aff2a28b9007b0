/* The bill adds up, whatever came in. */
#include <stdlib.h>

#include "reader/bill.h"
#include "unit.h"

#define KIB     UINT64_C(1024)
#define MIB     (KIB * KIB)
#define UNKNOWN READER_UNKNOWN

/* One thread that lives, counted; what others left; and what is owed. */
struct row {
    const char *sentence;
    uint64_t allocated, used;
    int64_t grown; /* since the census */
    struct {
        uint64_t used, free, page;
    } census, left;
    uint64_t owned, orphaned, fragmented, unreturned, overhead;
};

/* clang-format off */
/* mimalloc's headers are 64 KiB for each whole 32 MiB of allocated. */
static const struct row rows[] = {
    {"all is in use", 8 * MIB, 8 * MIB, 0,
     {8 * MIB, 0, 8 * MIB}, {0, 0, 0},
     8 * MIB, 0, 0, 0, 0},
    {"what no page holds is unreturned", 20 * MIB, 8 * MIB, 0,
     {8 * MIB, 0, 8 * MIB}, {0, 0, 0},
     8 * MIB, 0, 0, 12 * MIB, 0},
    {"free blocks between used ones are fragmented", 20 * MIB, 8 * MIB, 0,
     {8 * MIB, 5 * MIB, 13 * MIB}, {0, 0, 0},
     8 * MIB, 0, 5 * MIB, 7 * MIB, 0},
    {"room that is not cut is overhead", 20 * MIB, 8 * MIB, 0,
     {8 * MIB, 5 * MIB, 14 * MIB}, {0, 0, 0},
     8 * MIB, 0, 5 * MIB, 6 * MIB, MIB},
    {"so are the headers of mimalloc's segments", 64 * MIB, 8 * MIB, 0,
     {8 * MIB, 0, 8 * MIB}, {0, 0, 0},
     8 * MIB, 0, 0, 56 * MIB - 128 * KIB, 128 * KIB},
    {"what an exited thread left is orphaned", 20 * MIB, 8 * MIB, 0,
     {2 * MIB, 0, 2 * MIB}, {6 * MIB, 0, 6 * MIB},
     2 * MIB, 6 * MIB, 0, 12 * MIB, 0},
    {"orphans bring their free room along", 20 * MIB, 8 * MIB, 0,
     {2 * MIB, MIB, 3 * MIB}, {6 * MIB, 3 * MIB, 10 * MIB},
     2 * MIB, 6 * MIB, 4 * MIB, 7 * MIB, MIB},
    {"orphans that are half gone bring half of it", 20 * MIB, 5 * MIB, 0,
     {2 * MIB, MIB, 3 * MIB}, {6 * MIB, 3 * MIB, 10 * MIB},
     2 * MIB, 3 * MIB, 2 * MIB + 512 * KIB, 12 * MIB, 512 * KIB},
    {"where nobody has left anything nothing is orphaned", 20 * MIB, 8 * MIB,
     0, {2 * MIB, 0, 2 * MIB}, {0, 0, 0},
     8 * MIB, 0, 0, 12 * MIB, 0},
    {"no more is orphaned than was left", 20 * MIB, 8 * MIB, 0,
     {2 * MIB, 0, 2 * MIB}, {MIB, 0, MIB},
     7 * MIB, MIB, 0, 12 * MIB, 0},
    {"what was allocated since the census is owned", 20 * MIB, 8 * MIB,
     5 * MIB, {2 * MIB, 0, 2 * MIB}, {6 * MIB, 0, 6 * MIB},
     7 * MIB, MIB, 0, 12 * MIB, 0},
    {"what was freed since is not", 20 * MIB, 5 * MIB, -3 * (int64_t)MIB,
     {6 * MIB, 0, 6 * MIB}, {6 * MIB, 0, 6 * MIB},
     3 * MIB, 2 * MIB, 0, 15 * MIB, 0},
    {"a census above what is used orphans nothing", 20 * MIB, MIB, 0,
     {6 * MIB, 0, 6 * MIB}, {6 * MIB, 0, 6 * MIB},
     MIB, 0, 0, 19 * MIB, 0},
    {"an old census takes no more than there is", 9 * MIB, 8 * MIB, 0,
     {8 * MIB, 50 * MIB, 99 * MIB}, {0, 0, 0},
     8 * MIB, 0, MIB, 0, 0},
    {"nor does its overhead", 9 * MIB, 8 * MIB, 0,
     {8 * MIB, 0, 99 * MIB}, {0, 0, 0},
     8 * MIB, 0, 0, 0, MIB},
    {"a page that is smaller than its blocks has no overhead", 20 * MIB,
     8 * MIB, 0, {8 * MIB, 5 * MIB, MIB}, {0, 0, 0},
     8 * MIB, 0, 5 * MIB, 7 * MIB, 0},
    {"nothing is nothing", 0, 0, 0,
     {0, 0, 0}, {0, 0, 0},
     0, 0, 0, 0, 0},
    {"wild figures add up too", UINT64_MAX - 1, UINT64_MAX / 2, INT64_MIN,
     {UINT64_MAX, UINT64_MAX, UINT64_MAX},
     {UINT64_MAX, UINT64_MAX, UINT64_MAX},
     UINT64_MAX / 2, 0, UINT64_MAX - 1 - UINT64_MAX / 2, 0, 0},
};
/* clang-format on */

static struct reader_bill bill_of_row(const struct row *row, uint64_t cached)
{
    struct censuses censuses = {
        .sum = {.age_ms = 5,
                .changed_bytes = 17,
                .used_bytes = row->census.used,
                .free_bytes = row->census.free,
                .page_bytes = row->census.page},
        .counted_threads = 1,
        .grown_bytes = row->grown,
    };
    struct bill_facts facts = {
        .allocated_bytes = row->allocated,
        .used_bytes = row->used,
        .cached_bytes = cached,
        .censuses = &censuses,
        .left_used_bytes = row->left.used,
        .left_free_bytes = row->left.free,
        .left_page_bytes = row->left.page,
    };

    return bill_of(&facts);
}

static void assert_figure(const struct row *row, const char *name,
                          uint64_t figure, uint64_t expected)
{
    if (figure != expected)
        fail_msg("%s: %s is %llu, not %llu", row->sentence, name,
                 (unsigned long long)figure, (unsigned long long)expected);
}

static void every_part_is_as_it_should_be(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct reader_bill bill = bill_of_row(row, 0);

        assert_figure(row, "owned", bill.owned_bytes, row->owned);
        assert_figure(row, "orphaned", bill.orphaned_bytes, row->orphaned);
        assert_figure(row, "fragmented", bill.fragmented_bytes,
                      row->fragmented);
        assert_figure(row, "unreturned", bill.unreturned_bytes,
                      row->unreturned);
        assert_figure(row, "overhead", bill.overhead_bytes, row->overhead);
        assert_figure(row, "cached", bill.cached_bytes, 0);
        assert_figure(row, "age", bill.age_ms, 5);
        assert_figure(row, "changed", bill.changed_bytes, 17);
    }
}

static void what_the_caches_hold_is_neither_used_nor_unreturned(void **state)
{
    (void)state;
    const struct row row = {
        .allocated = 20 * MIB,
        .used = 8 * MIB,
        .grown = -(int64_t)MIB,
        .census = {.used = 9 * MIB, .page = 9 * MIB},
    };
    struct reader_bill bill = bill_of_row(&row, MIB);

    assert_int_equal(bill.owned_bytes, 8 * MIB);
    assert_int_equal(bill.cached_bytes, MIB);
    assert_int_equal(bill.unreturned_bytes, 11 * MIB);
    assert_int_equal(bill.uncollected_bytes, 0);
    assert_int_equal(bill_of_row(&row, 13 * MIB).cached_bytes, 12 * MIB);
}

static uint64_t any(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + 1;
    return *seed >> (*seed >> 58); /* of every magnitude */
}

static void the_parts_add_up_whatever_the_facts(void **state)
{
    (void)state;
    uint64_t seed = 1;

    for (int i = 0; i < 200000; i++) {
        struct row row = {
            .grown = (int64_t)any(&seed),
            .census = {any(&seed), any(&seed), any(&seed)},
            .left = {any(&seed), any(&seed), any(&seed)},
        };

        row.allocated = any(&seed);
        row.used = row.allocated - any(&seed) % (row.allocated + 1);
        struct reader_bill bill = bill_of_row(&row, any(&seed));

        assert_int_equal(bill.owned_bytes + bill.orphaned_bytes, row.used);
        assert_true(bill.orphaned_bytes <= row.used);
        assert_int_equal(row.used + bill.cached_bytes +
                             bill.fragmented_bytes +
                             bill.unreturned_bytes + bill.overhead_bytes,
                         row.allocated);
        assert_true(bill.fragmented_bytes <= row.allocated - row.used);
        assert_true(bill.overhead_bytes <= row.allocated - row.used);
        assert_true(bill.unreturned_bytes <= row.allocated - row.used);
    }
}

static void without_any_census_the_parts_are_unknown(void **state)
{
    (void)state;
    struct censuses censuses = {.sum.age_ms = UNKNOWN,
                                .uncounted_threads = 3,
                                .uncounted_bytes = BILL_UNCOUNTED_BYTES + 1};
    struct bill_facts facts = {
        .allocated_bytes = 9, .used_bytes = 5, .censuses = &censuses};
    struct reader_bill bill = bill_of(&facts);

    assert_int_equal(bill.owned_bytes, UNKNOWN);
    assert_int_equal(bill.orphaned_bytes, UNKNOWN);
    assert_int_equal(bill.fragmented_bytes, UNKNOWN);
    assert_int_equal(bill.unreturned_bytes, UNKNOWN);
    assert_int_equal(bill.overhead_bytes, UNKNOWN);
    assert_int_equal(bill.age_ms, UNKNOWN);
    assert_int_equal(bill.changed_bytes, UNKNOWN);
    assert_int_equal(bill.cached_bytes, 0);
    assert_int_equal(bill.uncounted_threads, 3);
}

/* The first thread waits, and its workers have left all that there is. */
static void threads_that_have_done_nothing_need_no_census(void **state)
{
    (void)state;
    struct censuses censuses = {.sum.age_ms = UNKNOWN,
                                .uncounted_threads = 1,
                                .uncounted_bytes = BILL_UNCOUNTED_BYTES};
    struct bill_facts facts = {.allocated_bytes = 1000,
                               .used_bytes = 600,
                               .censuses = &censuses,
                               .left_used_bytes = 600,
                               .left_free_bytes = 100,
                               .left_page_bytes = 800};
    struct reader_bill bill = bill_of(&facts);

    assert_int_equal(bill.owned_bytes, 0);
    assert_int_equal(bill.orphaned_bytes, 600);
    assert_int_equal(bill.fragmented_bytes, 100);
    assert_int_equal(bill.overhead_bytes, 100);
    assert_int_equal(bill.unreturned_bytes, 200);
}

static void what_pages_count_and_nobody_uses_is_uncollected(void **state)
{
    (void)state;
    struct censuses censuses = {.sum = {.used_bytes = 700, .page_bytes = 700},
                                .counted_threads = 2,
                                .grown_bytes = -50};
    struct bill_facts facts = {
        .allocated_bytes = 1000, .used_bytes = 400, .censuses = &censuses};
    struct reader_bill bill = bill_of(&facts);

    assert_int_equal(bill.uncollected_bytes, 250);
    assert_int_equal(bill.orphaned_bytes, 0);
    facts.used_bytes = 650;
    assert_int_equal(bill_of(&facts).uncollected_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_is_as_it_should_be),
        cmocka_unit_test(what_the_caches_hold_is_neither_used_nor_unreturned),
        cmocka_unit_test(the_parts_add_up_whatever_the_facts),
        cmocka_unit_test(without_any_census_the_parts_are_unknown),
        cmocka_unit_test(threads_that_have_done_nothing_need_no_census),
        cmocka_unit_test(what_pages_count_and_nobody_uses_is_uncollected),
    };

    return RUN(tests);
}
