#include "gcshim/layout.h"
#include "settings.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What was said on standard error while the environment was read. */
static char said[4096];

static const char *described(void)
{
    static char text[GCSHIM_SETTINGS_BYTES];
    settings_describe(text, sizeof(text));
    return text;
}

static void load(char **environment)
{
    FILE *file = tmpfile();
    int saved = dup(STDERR_FILENO);
    assert_non_null(file);
    dup2(fileno(file), STDERR_FILENO);
    settings_load(environment);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    said[fread(said, 1, sizeof(said) - 1, file)] = '\0';
    fclose(file);
}

#define LOAD(...) load((char *[]){__VA_ARGS__, NULL})

static int lines_said(void)
{
    int lines = 0;
    for (const char *c = said; *c; c++)
        lines += *c == '\n';
    return lines;
}

static void defaults_hold_without_an_environment(void **state)
{
    (void)state;
    load(NULL);
    assert_int_equal(settings.disable, 0);
    assert_int_equal(settings.keep, 0);
    assert_string_equal(settings.report, "");
    assert_string_equal(described(), "");
    assert_string_equal(said, "");
}

static void variables_are_read(void **state)
{
    (void)state;
    LOAD("PATH=/bin", "GCSHIM_KEEP=4711", "GCSHIM_REPORT=/tmp/r.%p");
    assert_int_equal(settings.keep, 4711);
    assert_string_equal(settings.report, "/tmp/r.%p");
    assert_string_equal(said, "");
}

static void a_list_is_read(void **state)
{
    (void)state;
    LOAD("GCSHIM=keep:1,,report:/a:b,");
    assert_int_equal(settings.keep, 1);
    assert_string_equal(settings.report, "/a:b");
    assert_string_equal(described(), "keep:1,report:/a:b");
    assert_string_equal(said, "");
}

static void a_variable_wins_over_the_list(void **state)
{
    (void)state;
    LOAD("GCSHIM_KEEP=0", "GCSHIM=keep:1");
    assert_int_equal(settings.keep, 0);
}

static void an_unknown_variable_is_one_line_that_names_it(void **state)
{
    (void)state;
    LOAD("GCSHIM_KEEPS=1", "GCSHIM_KEEP=1");
    assert_int_equal(lines_said(), 1);
    assert_non_null(strstr(said, "gcshim: GCSHIM_KEEPS: unknown"));
    assert_non_null(strstr(said, "GCSHIM_REPORT"));
    assert_int_equal(settings.keep, 1);
}

static void a_bad_value_is_one_line_and_the_default_holds(void **state)
{
    (void)state;
    static const char *const bad[] = {"maybe", "", "-1", "1x",
                                      "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char entry[64];
        snprintf(entry, sizeof(entry), "GCSHIM_KEEP=%s", bad[i]);
        LOAD(entry);
        assert_int_equal(lines_said(), 1);
        assert_non_null(strstr(said, "GCSHIM_KEEP"));
        assert_non_null(strstr(said, "0, 1 or a process id"));
        assert_int_equal(settings.keep, 0);
    }
}

static void a_text_that_is_too_long_is_refused(void **state)
{
    (void)state;
    char entry[SETTINGS_TEXT_BYTES + 32] = "GCSHIM_REPORT=";
    memset(entry + strlen(entry), 'a', SETTINGS_TEXT_BYTES);
    LOAD(entry);
    assert_string_equal(settings.report, "");
    assert_int_equal(lines_said(), 1);
}

static void a_list_without_sense_is_a_line_a_part(void **state)
{
    (void)state;
    LOAD("GCSHIM=keep,foo:1,:,keep:1");
    assert_int_equal(lines_said(), 3);
    assert_int_equal(settings.keep, 1);
}

static void modes_are_words(void **state)
{
    (void)state;
    LOAD("GCSHIM_GC=observe");
    assert_int_equal(settings.gc, GCSHIM_GC_OBSERVE);
    LOAD("GCSHIM=gc:Pace");
    assert_int_equal(settings.gc, GCSHIM_GC_PACE);
    LOAD("GCSHIM_GC=off");
    assert_int_equal(settings.gc, GCSHIM_GC_OFF);
    assert_string_equal(said, "");
}

/* As in PyPy KB is 1024, and a number alone is bytes. */
static void sizes_have_units(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } sizes[] = {
        {"0", 0},
        {"4096", 4096},
        {"17B", 17},
        {"64KiB", 65536},
        {"64k", 65536},
        {"64KB", 65536},
        {"200MB", 200 << 20},
        {"1.5M", 3 << 19},
        {"1.6GB", UINT64_C(1717986918)},
        {".5G", 1 << 29},
        {"1.MiB", 1 << 20},
        {"2t", UINT64_C(1) << 41},
        {"4000000TB", UINT64_C(4000000) << 40},
    };
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char entry[64];
        snprintf(entry, sizeof(entry), "GCSHIM_GC_MAX=%s", sizes[i].text);
        LOAD(entry);
        assert_string_equal(said, "");
        assert_int_equal(settings.gc_max, sizes[i].bytes);
    }
}

static void factors_are_above_one(void **state)
{
    (void)state;
    LOAD("GCSHIM_GC_MAJOR_COLLECT=2", "GCSHIM_GC_GROWTH=1.1");
    assert_true(settings.gc_major_collect > 1.999 &&
                settings.gc_major_collect < 2.001);
    assert_true(settings.gc_growth > 1.099 && settings.gc_growth < 1.101);
    assert_string_equal(said, "");
}

/* Each is one line that names the variable and what it takes. */
static void a_bad_size_factor_or_mode_is_one_line(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"GCSHIM_GC=foo", "off, observe or pace"},
        {"GCSHIM_GC=", "off, observe or pace"},
        {"GCSHIM_GC=paced", "off, observe or pace"},
        {"GCSHIM_GC=2", "off, observe or pace"},
        {"GCSHIM_GC_MAX=12XB", "a size such as 200MB or 1.6GB"},
        {"GCSHIM_GC_MAX=-1", "a size such as"},
        {"GCSHIM_GC_MAX=", "a size such as"},
        {"GCSHIM_GC_MAX=MB", "a size such as"},
        {"GCSHIM_GC_MAX=.", "a size such as"},
        {"GCSHIM_GC_MAX=1..5MB", "a size such as"},
        {"GCSHIM_GC_MAX=1.5.MB", "a size such as"},
        {"GCSHIM_GC_MAX=1 MB", "a size such as"},
        {"GCSHIM_GC_MAX=1MBs", "a size such as"},
        {"GCSHIM_GC_MAX=1e9", "a size such as"},
        {"GCSHIM_GC_MAX=inf", "a size such as"},
        {"GCSHIM_GC_MAX=9000000TB", "a size such as"},
        {"GCSHIM_GC_MIN=much", "64KiB"},
        {"GCSHIM_GC_MAX_DELTA=x", "an eighth of RAM"},
        {"GCSHIM_GC_GROWTH=1.0", "a factor above 1"},
        {"GCSHIM_GC_GROWTH=1", "a factor above 1"},
        {"GCSHIM_GC_GROWTH=0.5", "a factor above 1"},
        {"GCSHIM_GC_GROWTH=1.4x", "a factor above 1"},
        {"GCSHIM_GC_GROWTH=nan", "a factor above 1"},
        {"GCSHIM_GC_GROWTH=1000.1", "a factor above 1"},
        {"GCSHIM_GC_MAJOR_COLLECT=-2", "a factor above 1"},
        {"GCSHIM_GC_DEBUG=yes", "0 or 1"},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        LOAD((char *)bad[i][0]);
        assert_int_equal(lines_said(), 1);
        size_t name = strcspn(bad[i][0], "=");
        assert_int_equal(strncmp(said + strlen("gcshim: "), bad[i][0], name),
                         0);
        assert_non_null(strstr(said, bad[i][1]));
        assert_string_equal(described(), "");
        assert_int_equal(settings.gc, GCSHIM_GC_OFF);
        assert_int_equal(settings.gc_max, 0);
        assert_int_equal(settings.gc_min, 16 << 20);
        assert_true(settings.gc_growth > 1.39 && settings.gc_growth < 1.41);
    }
}

static void every_setting_takes_its_own_default(void **state)
{
    (void)state;
#define SETTING(key, type, preset, takes, help)                              \
    LOAD("GCSHIM=" #key ":" preset);                                         \
    assert_string_equal(said, "");
#include "settings.def"
#undef SETTING
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_hold_without_an_environment),
        cmocka_unit_test(variables_are_read),
        cmocka_unit_test(a_list_is_read),
        cmocka_unit_test(a_variable_wins_over_the_list),
        cmocka_unit_test(an_unknown_variable_is_one_line_that_names_it),
        cmocka_unit_test(a_bad_value_is_one_line_and_the_default_holds),
        cmocka_unit_test(a_text_that_is_too_long_is_refused),
        cmocka_unit_test(a_list_without_sense_is_a_line_a_part),
        cmocka_unit_test(modes_are_words),
        cmocka_unit_test(sizes_have_units),
        cmocka_unit_test(factors_are_above_one),
        cmocka_unit_test(a_bad_size_factor_or_mode_is_one_line),
        cmocka_unit_test(every_setting_takes_its_own_default),
    };
    return RUN(tests);
}
