/* No byte of a foreign name does harm where it is shown. */
#include "reader/text.h"

#include <stdio.h>

#include "unit.h"

static void assert_cleaned(const char *from, const char *to)
{
    char text[64];

    assert_true(snprintf(text, sizeof(text), "%s", from) < (int)sizeof(text));
    text_clean(text);
    assert_string_equal(text, to);
}

static void plain_text_stays(void **state)
{
    (void)state;
    assert_cleaned("python3 -m http.server ~", "python3 -m http.server ~");
    assert_cleaned("", "");
}

static void valid_utf8_stays(void **state)
{
    (void)state;
    assert_cleaned("Gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x90\x8d",
                   "Gr\xc3\xbc\xc3\x9f \xe4\xb8\xad \xf0\x9f\x90\x8d");
}

static void control_characters_go(void **state)
{
    (void)state;
    assert_cleaned("\x1b[31mred\n\t\x7f", "?[31mred???");
    /* C1, as UTF-8 and as bare bytes: some terminals obey both. */
    assert_cleaned("a\xc2\x9b"
                   "31m",
                   "a?31m");
    assert_cleaned("a\x9b"
                   "31m",
                   "a?31m");
}

static void what_turns_a_line_around_goes(void **state)
{
    (void)state;
    static const char text[] = {'a',    '\xe2', '\x80', '\xae', 'b',
                                '\xe2', '\x80', '\xa8', 'c',    '\0'};

    assert_cleaned(text, "a?b?c");
}

static void broken_utf8_goes(void **state)
{
    (void)state;
    assert_cleaned("\xc3", "?");                /* cut off */
    assert_cleaned("\xc0\xaf", "??");           /* overlong */
    assert_cleaned("\xed\xa0\x80", "???");      /* a surrogate */
    assert_cleaned("\xf4\x90\x80\x80", "????"); /* beyond Unicode */
    assert_cleaned("\xff\xfe", "??");
    assert_cleaned("\xe4\xb8x", "??x");
}

static void a_copy_is_cut_and_ended(void **state)
{
    (void)state;
    char text[4];

    text_copy(text, sizeof(text), "abcdef", 6);
    assert_string_equal(text, "abc");
    text_copy(text, sizeof(text), "ab\xc3\xbc", 4);
    assert_string_equal(text, "ab?");
    text_copy(text, sizeof(text), "abc", 1);
    assert_string_equal(text, "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_text_stays),
        cmocka_unit_test(valid_utf8_stays),
        cmocka_unit_test(control_characters_go),
        cmocka_unit_test(what_turns_a_line_around_goes),
        cmocka_unit_test(broken_utf8_goes),
        cmocka_unit_test(a_copy_is_cut_and_ended),
    };

    return RUN(tests);
}
