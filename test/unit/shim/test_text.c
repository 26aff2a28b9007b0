#include "text.h"
#include "unit.h"

#include <string.h>

static const char *size_of(uint64_t bytes)
{
    static char buffer[32];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put_size(&text, bytes);
    return buffer;
}

static void sizes_read_in_iec_units(void **state)
{
    (void)state;
    assert_string_equal(size_of(0), "0 B");
    assert_string_equal(size_of(1023), "1023 B");
    assert_string_equal(size_of(1024), "1.0 KiB");
    assert_string_equal(size_of(1536), "1.5 KiB");
    assert_string_equal(size_of(UINT64_C(196) << 20), "196.0 MiB");
    assert_string_equal(size_of(UINT64_MAX), "15.9 EiB");
}

static void numbers_reach_their_limits(void **state)
{
    (void)state;
    char buffer[32];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put_number(&text, 0);
    text_put(&text, " ");
    text_put_number(&text, UINT64_MAX);
    assert_string_equal(buffer, "0 18446744073709551615");
}

static void what_does_not_fit_is_cut_off(void **state)
{
    (void)state;
    char buffer[6] = "xxxxx";
    struct text text = text_on(buffer, 4);
    text_put(&text, "ab");
    text_put(&text, "cdef");
    assert_string_equal(buffer, "abc");
    assert_int_equal(buffer[4], 'x');
    text_put_number(&text, 7);
    text_pad(&text, buffer, 100);
    assert_string_equal(buffer, "abc");
}

static void padding_reaches_the_column(void **state)
{
    (void)state;
    char buffer[32];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put(&text, "ab");
    text_pad(&text, buffer, 5);
    text_put(&text, "c");
    assert_string_equal(buffer, "ab   c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_read_in_iec_units),
        cmocka_unit_test(numbers_reach_their_limits),
        cmocka_unit_test(what_does_not_fit_is_cut_off),
        cmocka_unit_test(padding_reaches_the_column),
    };
    return RUN(tests);
}
