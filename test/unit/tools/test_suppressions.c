/* Suppressions are read and matched as LeakSanitizer does. */
#include "sites/suppressions.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "forge.h"
#include "unit.h"

static struct suppressions suppressions;

static int begin(void **state)
{
    (void)state;
    suppressions = (struct suppressions){0};
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    suppressions_fini(&suppressions);
    forge_end();
    return 0;
}

static void patterns_match_as_in_leaksanitizer(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"foo", "foo", true},
        {"foo", "a_foo_b", true},
        {"foo", "fo", false},
        {"foo", "", false},
        {"*", "x", true},
        {"^foo", "foobar", true},
        {"^foo", "afoo", false},
        {"foo$", "afoo", true},
        {"foo$", "foo ", false},
        {"foo$", "foofoo", true},
        {"^foo$", "foo", true},
        {"^foo$", "foofoo", false},
        {"^a*b$", "acb", true},
        {"^a*b$", "acbc", false},
        {"^a*b$", "abab", true},
        {"^ab*b$", "ab", false},
        {"a*b*c", "xaybzc!", true},
        {"a*b*c", "acb", false},
        {"*foo*", "afoob", true},
        {"^*b", "ab", true},
        {"foo*$", "foobar", true},
        {"^", "x", true},
        {"std::*vector<*>::push", "std::__1::vector<int>::push_back", true},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (suppressions_matches(cases[i].pattern, cases[i].text) !=
            cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].text);
    }
}

static const char *file_of(const char *text)
{
    FILE *file = fopen(forge_path("supp"), "we");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    return forge_path("supp");
}

static void a_file_has_a_pattern_a_line(void **state)
{
    (void)state;
    char reason[SUPPRESSIONS_REASON_BYTES] = "";
    const char *path = file_of("# a comment\n\n \t leak:one two \t\r\n"
                               "leak:#three\n  # leak:no\nleak:last");

    assert_int_equal(suppressions_read(&suppressions, path, reason), 0);
    assert_int_equal(suppressions.count, 3);
    assert_string_equal(suppressions.patterns[0], "one two");
    assert_string_equal(suppressions.patterns[1], "#three");
    assert_string_equal(suppressions.patterns[2], "last");
}

static void a_line_of_another_form_is_named(void **state)
{
    (void)state;
    static const char *const texts[] = {"leak:x\nrace:y\n", "\nleak:\n",
                                        "#\nfoo", "\nleak"};
    char reason[SUPPRESSIONS_REASON_BYTES] = "";

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(
            suppressions_read(&suppressions, file_of(texts[i]), reason),
            -EPROTO);
        assert_string_equal(reason, "line 2 is not of the form leak:PATTERN");
    }
    assert_int_equal(suppressions_read(&suppressions, "/no/such", reason),
                     -ENOENT);
    assert_int_equal(suppressions_read(&suppressions, "/tmp", reason), -EISDIR);
}

static void any_call_of_a_stack_may_be_meant(void **state)
{
    (void)state;
    static const char *const patterns[] = {"^load$", "app.py", "libfoo",
                                           "nobody", "leak_*"};
    static const bool covers[] = {true, true, true, false, false};
    struct reader_site site = {0};
    struct sites_line lines[] = {
        {.function = "take", .place = ""},
        {.function = "load", .file = "/src/app.py", .place = ""},
        {.module = "/lib/libfoo.so", .place = "libfoo.so+0x1"}};
    struct sites_entry entry = {
        .site = &site, .lines = lines, .line_count = 3, .is_resolved = true};

    for (size_t i = 0; i < sizeof(covers) / sizeof(covers[0]); i++) {
        char *pattern = (char *)patterns[i];
        struct suppressions one = {&pattern, 1};

        assert_int_equal(suppressions_cover(&one, &entry), covers[i]);
    }
    entry.line_count = 0;
    char *all = (char *)"*";

    assert_false(suppressions_cover(&(struct suppressions){&all, 1}, &entry));
}

static void the_file_is_found_among_options_of_leaksanitizer(void **state)
{
    (void)state;
    static const struct {
        const char *options, *path;
    } cases[] = {
        {"suppressions=a.supp", "a.supp"},
        {"verbosity=1:suppressions=/x/a.supp:log_threads=1", "/x/a.supp"},
        {"a=1,suppressions='/a b:c',d=2", "/a b:c"},
        {"suppressions=\"/q\" suppressions=second", "second"},
        {"suppressions=", NULL},
        {"print_suppressions=0", NULL},
        {"nothing", NULL},
        {"", NULL},
        {"suppressions='open", "open"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[SUPPRESSIONS_PATH_BYTES] = "";
        bool is_found = suppressions_option(cases[i].options, path);

        assert_int_equal(is_found, cases[i].path != NULL);
        if (is_found)
            assert_string_equal(path, cases[i].path);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(patterns_match_as_in_leaksanitizer),
        TEST(a_file_has_a_pattern_a_line),
        TEST(a_line_of_another_form_is_named),
        TEST(any_call_of_a_stack_may_be_meant),
        TEST(the_file_is_found_among_options_of_leaksanitizer),
    };

    return RUN(tests);
}
