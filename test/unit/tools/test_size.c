/* Figures are shown in few columns, and never as more than they are worth. */
#include "common/size.h"
#include "common/wrap.h"

#include <string.h>

#include "common/cli.h"
#include "reader/reader.h"
#include "unit.h"

static void assert_size(uint64_t bytes, const char *expected)
{
    char text[SIZE_BYTES];

    assert_string_equal(size_format(text, bytes), expected);
}

static void small_sizes_are_whole_bytes(void **state)
{
    (void)state;
    assert_size(0, "0 B");
    assert_size(12, "12 B");
    assert_size(1023, "1023 B");
}

static void larger_ones_are_rounded_to_tenths(void **state)
{
    (void)state;
    assert_size(1024, "1.0 KiB");
    assert_size(1536, "1.5 KiB");
    assert_size(205835468, "196.3 MiB");
    assert_size((uint64_t)5 << 40, "5.0 TiB");
    assert_size(UINT64_MAX - 1, "16.0 EiB");
}

static void from_a_thousand_on_there_are_no_tenths(void **state)
{
    (void)state;
    assert_size(UINT64_C(1000) * 1024, "1000 KiB");
    assert_size(UINT64_C(1023) * 1024, "1023 KiB");
    assert_size(UINT64_C(1023) * 1024 + 511, "1023 KiB");
}

static void what_rounds_to_1024_is_one_of_the_next_unit(void **state)
{
    (void)state;
    assert_size(UINT64_C(1024) * 1024 - 1, "1.0 MiB");
    assert_size(((uint64_t)1 << 40) - 1, "1.0 TiB");
}

static void the_unknown_is_a_dash(void **state)
{
    (void)state;
    char text[COUNT_BYTES];

    assert_size(READER_UNKNOWN, "-");
    assert_string_equal(count_format(text, READER_UNKNOWN), "-");
    assert_string_equal(size_format_change(text, INT64_MIN), "-");
}

static void no_size_is_wider_than_its_column(void **state)
{
    (void)state;
    char text[SIZE_BYTES];

    for (uint64_t bytes = 1; bytes < UINT64_MAX / 3; bytes = bytes * 3 / 2 + 1)
        assert_true(strlen(size_format(text, bytes)) <= SIZE_COLUMNS);
    for (int shift = 0; shift < 64; shift++) {
        uint64_t power = (uint64_t)1 << shift;

        assert_true(strlen(size_format(text, power - 1)) <= SIZE_COLUMNS);
        assert_true(strlen(size_format(text, power)) <= SIZE_COLUMNS);
    }
}

static void changes_have_a_sign(void **state)
{
    (void)state;
    char text[SIZE_BYTES];

    assert_string_equal(size_format_change(text, 1536), "+1.5 KiB");
    assert_string_equal(size_format_change(text, -12), "-12 B");
    assert_string_equal(size_format_change(text, 0), "0 B");
    assert_string_equal(size_format_change(text, INT64_MAX), "+8.0 EiB");
}

static void counts_are_grouped(void **state)
{
    (void)state;
    char text[COUNT_BYTES];

    assert_string_equal(count_format(text, 0), "0");
    assert_string_equal(count_format(text, 999), "999");
    assert_string_equal(count_format(text, 1000), "1,000");
    assert_string_equal(count_format(text, 123456), "123,456");
    assert_string_equal(count_format(text, UINT64_MAX - 1),
                        "18,446,744,073,709,551,614");
}

static void a_share_is_never_above_the_whole(void **state)
{
    (void)state;
    assert_int_equal(size_permille(0, 0), 0);
    assert_int_equal(size_permille(1, 0), 0);
    assert_int_equal(size_permille(1, 2), 500);
    assert_int_equal(size_permille(3, 2), 1000);
    assert_int_equal(size_permille(UINT64_MAX / 2, UINT64_MAX), 499);
}

static void ages_have_two_units_at_most(void **state)
{
    (void)state;
    static const struct {
        uint64_t age_ms;
        const char *text;
    } ages[] = {
        {0, "0.0 s"},
        {59999, "59.9 s"},
        {60000, "1 min 0 s"},
        {3599999, "59 min 59 s"},
        {3600000, "1 h 0 min"},
        {86400000, "1 d 0 h"},
        {READER_UNKNOWN - 1, "213503982334 d 14 h"},
        {READER_UNKNOWN, "-"},
    };
    char text[AGE_BYTES];

    for (size_t i = 0; i < sizeof(ages) / sizeof(ages[0]); i++)
        assert_string_equal(age_format(text, ages[i].age_ms), ages[i].text);
}

static void a_change_of_the_unknown_is_unknown(void **state)
{
    (void)state;
    assert_true(size_change(3, 5) == -2);
    assert_true(size_change(READER_UNKNOWN, 5) == INT64_MIN);
    assert_true(size_change(5, READER_UNKNOWN) == INT64_MIN);
    assert_true(size_change(READER_UNKNOWN - 1, 0) == INT64_MAX);
    assert_true(size_change(0, READER_UNKNOWN - 1) == -INT64_MAX);
}

static void pauses_are_in_milliseconds_until_they_are_long(void **state)
{
    (void)state;
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {
        {0, "0.00 ms"},
        {19999, "0.01 ms"},
        {999999, "0.99 ms"},
        {1000000, "1.0 ms"},
        {2345678, "2.3 ms"},
        {99999999, "99.9 ms"},
        {100000000, "100 ms"},
        {999999999, "999 ms"},
        {1500000000, "1.5 s"},
        {UINT64_C(61000000000), "1 min 1 s"},
        {READER_UNKNOWN, "-"},
    };
    char text[AGE_BYTES];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(pause_format(text, rows[i].ns), rows[i].text);
}

static void sentences_are_broken_at_blanks(void **state)
{
    (void)state;
    const char *text = "one two  three fourfivesix  ";
    static const char *const lines[] = {"one two", "three", "fourfivesix"};

    for (size_t i = 0; i < 3; i++) {
        const char *next = NULL;
        size_t length = wrap_line(text, 7, &next);

        assert_int_equal(length, strlen(lines[i]));
        assert_memory_equal(text, lines[i], length);
        text = next;
    }
    assert_string_equal(text, "");
    assert_int_equal(wrap_line("", 8, &text), 0);
}

static void numbers_are_taken_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "-1", " 1", "1 ", "1x", "x", "0x1", "101", "99999999999999999999"};
    uint64_t number = 0;

    assert_int_equal(cli_number("100", 0, 100, &number), 0);
    assert_int_equal(number, 100);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_true(cli_number(bad[i], 0, 100, &number) < 0);
}

static void seconds_are_taken_strictly(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "-1", "nan", "inf", "1s",
                                      "0.01", "11", ".",   " 1"};
    double seconds = 0;

    assert_int_equal(cli_seconds("0.5", 0.1, 10, &seconds), 0);
    assert_true(seconds > 0.49 && seconds < 0.51);
    assert_int_equal(cli_seconds(".5", 0.1, 10, &seconds), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_true(cli_seconds(bad[i], 0.1, 10, &seconds) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_sizes_are_whole_bytes),
        cmocka_unit_test(larger_ones_are_rounded_to_tenths),
        cmocka_unit_test(from_a_thousand_on_there_are_no_tenths),
        cmocka_unit_test(what_rounds_to_1024_is_one_of_the_next_unit),
        cmocka_unit_test(the_unknown_is_a_dash),
        cmocka_unit_test(no_size_is_wider_than_its_column),
        cmocka_unit_test(changes_have_a_sign),
        cmocka_unit_test(counts_are_grouped),
        cmocka_unit_test(a_share_is_never_above_the_whole),
        cmocka_unit_test(ages_have_two_units_at_most),
        cmocka_unit_test(pauses_are_in_milliseconds_until_they_are_long),
        cmocka_unit_test(a_change_of_the_unknown_is_unknown),
        cmocka_unit_test(sentences_are_broken_at_blanks),
        cmocka_unit_test(numbers_are_taken_strictly),
        cmocka_unit_test(seconds_are_taken_strictly),
    };

    return RUN(tests);
}
