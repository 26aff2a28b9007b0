#include "settings.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What was said on standard error while the environment was read. */
static char said[4096];

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
    assert_string_equal(settings_in_force(), "");
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
    assert_string_equal(settings_in_force(), "keep:1,report:/a:b");
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
        cmocka_unit_test(every_setting_takes_its_own_default),
    };
    return RUN(tests);
}
