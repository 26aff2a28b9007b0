/* The bill adds up, in its shares and as a bar. */
#include "common/bill.h"

#include <string.h>

#include "specimen.h"
#include "unit.h"

static unsigned sum_of(const unsigned *shares, size_t count)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += shares[i];
    return sum;
}

/* A pseudorandom figure of up to 64 bits, of any magnitude. */
static uint64_t next(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005U + 1442695040888963407U;
    return *seed >> (*seed >> 58);
}

static void shares_add_up_whatever_the_parts(void **state)
{
    (void)state;
    uint64_t seed = 1;
    uint64_t parts[BILL_PARTS];
    unsigned shares[BILL_PARTS];

    for (int round = 0; round < 10000; round++) {
        uint64_t total = 0;

        for (int i = 0; i < BILL_PARTS; i++)
            total |= parts[i] = next(&seed);
        share_out(parts, BILL_PARTS, 1000, shares);
        assert_int_equal(sum_of(shares, BILL_PARTS), total > 0 ? 1000 : 0);
    }
}

static void a_share_is_right_to_one_unit(void **state)
{
    (void)state;
    static const uint64_t parts[] = {1, 1, 1, 0, 997, 0};
    unsigned shares[BILL_PARTS];

    share_out(parts, BILL_PARTS, 1000, shares);
    for (int i = 0; i < BILL_PARTS; i++)
        assert_int_equal(shares[i], parts[i]);
    share_out(parts, BILL_PARTS, 10, shares);
    assert_int_equal(shares[4], 10);
    assert_int_equal(sum_of(shares, 4), 0);
}

static void nothing_is_shared_out_of_nothing(void **state)
{
    (void)state;
    static const uint64_t parts[BILL_PARTS];
    unsigned shares[BILL_PARTS];

    share_out(parts, BILL_PARTS, 1000, shares);
    assert_int_equal(sum_of(shares, BILL_PARTS), 0);
}

static void the_parts_are_those_of_the_reader(void **state)
{
    (void)state;
    struct reader_process process = specimen();
    uint64_t sum = 0;

    for (int part = 0; part < BILL_PARTS; part++)
        sum += bill_bytes(&process, (enum bill_part)part);
    assert_true(sum == process.allocated_bytes);
    assert_true(bill_bytes(&process, BILL_OVERHEAD) ==
                process.bill.overhead_bytes);
    sum = 0;
    for (int part = 0; part < MAPPING_PARTS; part++)
        sum += mapping_bytes(&process.mappings, (enum mapping_part)part);
    assert_true(sum ==
                process.mappings.malloc_bytes + process.mappings.outside_bytes);
    reader_process_fini(&process);
}

static void the_bar_shows_each_part_by_its_letter(void **state)
{
    (void)state;
    struct reader_process process = specimen();
    char bar[65];

    bill_bar(&process, 64, bar); /* a cell for each 4 MiB */
    assert_string_equal(bar,
                        "UUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUUU"
                        "FFFFFRRRRRRRRH");
    reader_process_fini(&process);
}

static void what_is_not_known_is_a_question_in_the_bar(void **state)
{
    (void)state;
    struct reader_process process = specimen_uncounted();
    unsigned shares[BILL_PARTS];
    char bar[65];

    bill_bar(&process, 64, bar);
    assert_int_equal(strspn(bar, "U"), 50);
    assert_int_equal(strspn(bar + 50, "?"), 14);
    bill_shares(&process, shares);
    assert_int_equal(shares[BILL_IN_USE], 781);
    assert_int_equal(sum_of(shares, BILL_PARTS), 781);
    assert_true(bill_bytes(&process, BILL_IN_USE) == process.used_bytes);
    assert_true(bill_bytes(&process, BILL_ORPHANED) == READER_UNKNOWN);
    assert_false(bill_is_marked(&process, BILL_IN_USE));
    reader_process_fini(&process);
}

static void a_bar_is_full_or_blank_at_any_width(void **state)
{
    (void)state;
    struct reader_process process = specimen();
    struct reader_process empty = {0};
    char bar[301];

    for (size_t cells = 0; cells <= 300; cells++) {
        bill_bar(&process, cells, bar);
        assert_int_equal(strspn(bar, "UOCFRH"), cells);
        bill_bar(&empty, cells, bar);
        assert_int_equal(strspn(bar, " "), cells);
    }
    reader_process_fini(&process);
}

static void a_hostile_bill_stays_in_its_bar(void **state)
{
    (void)state;
    struct reader_process process = {
        .used_bytes = UINT64_MAX - 1,
        .allocated_bytes = 1,
        .bill = {UINT64_MAX - 1, UINT64_MAX - 1, UINT64_MAX - 1, UINT64_MAX - 1,
                 UINT64_MAX - 1, UINT64_MAX - 1, 0, 0, 0, 0},
    };
    char bar[65];

    bill_bar(&process, 64, bar);
    assert_int_equal(strspn(bar, "UOCFRH"), 64);
    process = (struct reader_process){.used_bytes = 5, .allocated_bytes = 1};
    process.bill.orphaned_bytes = READER_UNKNOWN;
    bill_bar(&process, 64, bar);
    assert_int_equal(strspn(bar, "U"), 64);
}

static void the_remark_tells_how_old_and_how_sure(void **state)
{
    (void)state;
    struct reader_process process = specimen();
    char remark[BILL_REMARK_BYTES];

    bill_remark(&process, remark);
    assert_string_equal(
        remark, "~ counted 1.2 s ago; 3.0 MiB went through malloc since");
    process.bill.changed_bytes = 0;
    process.bill.uncounted_threads = 1;
    bill_remark(&process, remark);
    assert_string_equal(remark, "~ counted 1.2 s ago; 1 thread not counted");
    reader_process_fini(&process);
    process = specimen_uncounted();
    bill_remark(&process, remark);
    assert_string_equal(remark, "no thread has counted its pages yet");
    reader_process_fini(&process);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_add_up_whatever_the_parts),
        cmocka_unit_test(a_share_is_right_to_one_unit),
        cmocka_unit_test(nothing_is_shared_out_of_nothing),
        cmocka_unit_test(the_parts_are_those_of_the_reader),
        cmocka_unit_test(the_bar_shows_each_part_by_its_letter),
        cmocka_unit_test(what_is_not_known_is_a_question_in_the_bar),
        cmocka_unit_test(a_bar_is_full_or_blank_at_any_width),
        cmocka_unit_test(a_hostile_bill_stays_in_its_bar),
        cmocka_unit_test(the_remark_tells_how_old_and_how_sure),
    };

    return RUN(tests);
}
