/* gcshim-run finds the program that will run, and what is in its way. */
#include "run/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "forge.h"
#include "run/preload.h"
#include "unit.h"

static int begin(void **state)
{
    (void)state;
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    forge_end();
    return 0;
}

static const char *script(const char *text)
{
    const char *path = forge_path("own-script");
    FILE *file = fopen(path, "w");

    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

static const char *obstacle_of(const char *path)
{
    static char obstacle[PROGRAM_OBSTACLE_BYTES];

    program_inspect(path, obstacle);
    return obstacle;
}

static void a_program_is_found_along_path(void **state)
{
    (void)state;
    char path[PATH_MAX];

    setenv("PATH", "/nonexistent:/bin", 1);
    assert_int_equal(program_find("cat", path), 0);
    assert_string_equal(path, "/bin/cat");
    assert_int_equal(program_find("/bin/cat", path), 0);
    assert_int_equal(program_find("no-such-program", path), -ENOENT);
    assert_int_equal(program_find("/no/such/program", path), -ENOENT);
}

static void what_cannot_be_run_is_not_found_along_path(void **state)
{
    (void)state;
    char path[PATH_MAX];
    char where[FORGE_PATH_BYTES];

    script("");
    chmod(forge_path("own-script"), 0644);
    snprintf(where, sizeof(where), "%s:/bin", forge_dir());
    setenv("PATH", where, 1);
    assert_int_equal(program_find("own-script", path), -ENOENT);
    setenv("PATH", "/bin:/usr/bin", 1);
}

static void an_ordinary_program_has_no_obstacle(void **state)
{
    (void)state;
    assert_string_equal(obstacle_of("/bin/cat"), "");
}

static void a_static_program_is_named(void **state)
{
    (void)state;
    assert_string_equal(
        obstacle_of("/sbin/ldconfig"),
        "/sbin/ldconfig is a static program: nothing can be preloaded into "
        "it");
}

static void a_script_is_judged_by_its_interpreter(void **state)
{
    (void)state;
    assert_string_equal(obstacle_of(script("#!/bin/sh\n")), "");
    assert_non_null(
        strstr(obstacle_of(script("#! /sbin/ldconfig -p\n")), "static"));
    setenv("PATH", "/bin:/sbin", 1);
    assert_non_null(
        strstr(obstacle_of(script("#!/usr/bin/env ldconfig\n")), "static"));
    assert_non_null(strstr(
        obstacle_of(script("#!/usr/bin/env -S A=b ldconfig -p\n")), "static"));
}

static void strange_scripts_are_no_obstacle(void **state)
{
    (void)state;
    static const char *const strange[] = {"",
                                          "#",
                                          "#!",
                                          "#!\n",
                                          "#! \t\n",
                                          "#!/usr/bin/env",
                                          "#!/nonexistent",
                                          "#!/usr/bin/env no-such-program\n",
                                          "echo hello\n"};

    for (size_t i = 0; i < sizeof(strange) / sizeof(strange[0]); i++)
        assert_string_equal(obstacle_of(script(strange[i])), "");
    /* One that is its own interpreter. */
    char text[FORGE_PATH_BYTES + 8];

    snprintf(text, sizeof(text), "#!%s\n", forge_path("own-script"));
    assert_string_equal(obstacle_of(script(text)), "");
}

static void a_setuid_program_is_named(void **state)
{
    (void)state;
    struct stat st;
    char command[2 * FORGE_PATH_BYTES];

    if (geteuid() != 0)
        skip();
    snprintf(command, sizeof(command), "cp /bin/cat %s", forge_path("setuid"));
    assert_int_equal(system(command), 0);
    assert_int_equal(chown(forge_path("setuid"), 4242, 0), 0);
    assert_int_equal(chmod(forge_path("setuid"), 04755), 0);
    assert_int_equal(stat(forge_path("setuid"), &st), 0);
    assert_non_null(strstr(obstacle_of(forge_path("setuid")), "is setuid"));
    /* Of the user's own there is nothing to gain. */
    assert_int_equal(chown(forge_path("setuid"), 0, 0), 0);
    assert_int_equal(chmod(forge_path("setuid"), 04755), 0);
    assert_string_equal(obstacle_of(forge_path("setuid")), "");
}

static void assert_run_by(const char *text, const char *interpreter)
{
    char path[PATH_MAX];
    char expected[PATH_MAX];

    program_interpret(script(text), path);
    assert_non_null(realpath(interpreter, expected));
    assert_string_equal(path, expected);
}

static void a_script_is_run_by_its_interpreter(void **state)
{
    (void)state;
    setenv("PATH", "/usr/bin:/bin", 1);
    assert_run_by("#!/bin/sh\n", "/bin/sh");
    assert_run_by("#!/usr/bin/env cat\n", "/bin/cat");
    assert_run_by("no script\n", forge_path("own-script"));
}

static void the_shim_stands_first_in_ld_preload(void **state)
{
    (void)state;
    unsetenv("LD_PRELOAD");
    assert_int_equal(preload_set("/a/b.so"), 0);
    assert_string_equal(getenv("LD_PRELOAD"), "/a/b.so");
    assert_int_equal(preload_set("/c.so"), 0);
    assert_string_equal(getenv("LD_PRELOAD"), "/c.so:/a/b.so");
    unsetenv("LD_PRELOAD");
}

static void a_path_that_ld_preload_cannot_hold_is_refused(void **state)
{
    (void)state;
    char path[PATH_MAX];

    forge_put("a b.so", forge_segment());
    forge_put("a:b.so", forge_segment());
    assert_int_equal(preload_find(forge_path("a b.so"), path), -EINVAL);
    assert_int_equal(preload_find(forge_path("a:b.so"), path), -EINVAL);
    assert_int_equal(preload_find(forge_path("none.so"), path), -ENOENT);
}

static void a_setting_becomes_a_variable(void **state)
{
    (void)state;
    assert_int_equal(preload_setting("stack_depth:16"), 0);
    assert_string_equal(getenv("GCSHIM_STACK_DEPTH"), "16");
    assert_int_equal(preload_setting("report:/tmp/a:b"), 0);
    assert_string_equal(getenv("GCSHIM_REPORT"), "/tmp/a:b");
    assert_int_equal(preload_setting(""), -EINVAL);
    assert_int_equal(preload_setting(":1"), -EINVAL);
    assert_int_equal(preload_setting("keep"), -EINVAL);
    assert_int_equal(preload_setting("Keep:1"), -EINVAL);
    assert_int_equal(preload_setting("a=b:1"), -EINVAL);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_program_is_found_along_path),
        TEST(what_cannot_be_run_is_not_found_along_path),
        TEST(an_ordinary_program_has_no_obstacle),
        TEST(a_static_program_is_named),
        TEST(a_script_is_judged_by_its_interpreter),
        TEST(strange_scripts_are_no_obstacle),
        TEST(a_setuid_program_is_named),
        TEST(a_script_is_run_by_its_interpreter),
        TEST(the_shim_stands_first_in_ld_preload),
        TEST(a_path_that_ld_preload_cannot_hold_is_refused),
        TEST(a_setting_becomes_a_variable),
    };

    return RUN(tests);
}
