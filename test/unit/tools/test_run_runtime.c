/* gcshim-run knows what will not be seen of a language runtime. */
#include "run/runtime.h"

#include <stdlib.h>
#include <string.h>

#include "unit.h"

static void clear(void)
{
    unsetenv("PYTHONMALLOC");
    unsetenv("USE_ZEND_ALLOC");
    unsetenv("GCSHIM_GC");
}

static void a_runtime_is_known_by_its_name(void **state)
{
    (void)state;
    assert_int_equal(runtime_of("/usr/bin/python3"), RUNTIME_PYTHON);
    assert_int_equal(runtime_of("/opt/x/python3.11"), RUNTIME_PYTHON);
    assert_int_equal(runtime_of("python"), RUNTIME_PYTHON);
    assert_int_equal(runtime_of("/usr/bin/python3.13t"),
                     RUNTIME_PYTHON_FREE_THREADED);
    assert_int_equal(runtime_of("/usr/bin/ruby3.1"), RUNTIME_RUBY);
    assert_int_equal(runtime_of("/usr/bin/php8.2"), RUNTIME_PHP);
    assert_int_equal(runtime_of("php-fpm8.2"), RUNTIME_PHP);
    assert_int_equal(runtime_of("/usr/bin/node"), RUNTIME_V8);
}

static void a_similar_name_is_no_runtime(void **state)
{
    (void)state;
    assert_int_equal(runtime_of("/usr/bin/python3-config"), RUNTIME_NONE);
    assert_int_equal(runtime_of("/usr/bin/pypy3"), RUNTIME_NONE);
    assert_int_equal(runtime_of("/python3/bin/ls"), RUNTIME_NONE);
    assert_int_equal(runtime_of("nodes"), RUNTIME_NONE);
    assert_int_equal(runtime_of("/bin/cat"), RUNTIME_NONE);
    assert_int_equal(runtime_of(""), RUNTIME_NONE);
    assert_int_equal(runtime_of("/dev/null"), RUNTIME_NONE);
}

/* What is said of "NAME word word ...". */
static const char *limit(enum runtime runtime, char *first, char *second)
{
    char name[] = "name";
    char *argv[] = {name, first, second, NULL};

    return runtime_limit(runtime, argv);
}

static void pythons_own_allocator_is_named(void **state)
{
    (void)state;
    clear();
    assert_non_null(
        strstr(limit(RUNTIME_PYTHON, NULL, NULL), "up to 512 bytes"));
    setenv("PYTHONMALLOC", "pymalloc", 1);
    assert_non_null(limit(RUNTIME_PYTHON, NULL, NULL));
    setenv("PYTHONMALLOC", "malloc", 1);
    assert_null(limit(RUNTIME_PYTHON, NULL, NULL));
    setenv("PYTHONMALLOC", "malloc_debug", 1);
    assert_null(limit(RUNTIME_PYTHON, NULL, NULL));
}

static void a_python_that_ignores_variables_is_named(void **state)
{
    (void)state;
    static char *const isolated[][2] = {
        {"-I", NULL},    {"-E", "x.py"},   {"-uE", NULL},   {"-u", "-I"},
        {"-Xdev", "-I"}, {"-IWerror", ""}, {"-BIc", "pass"}};
    static char *const not [][2] = {
        {NULL, NULL},     {"x.py", "-I"}, {"-c", "-I"},  {"-cI", "-I"},
        {"-m", "-I"},     {"-WI", "-u"},  {"-X", "I"},   {"-X", "-I"},
        {"--help", "-I"}, {"-", "-I"},    {"-uc", "-I"}, {"-W", NULL}};

    setenv("PYTHONMALLOC", "malloc", 1);
    for (size_t i = 0; i < sizeof(isolated) / sizeof(isolated[0]); i++)
        assert_non_null(limit(RUNTIME_PYTHON, isolated[i][0], isolated[i][1]));
    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++)
        assert_null(limit(RUNTIME_PYTHON, not [i][0], not [i][1]));
}

static void a_free_threaded_python_is_named_once(void **state)
{
    (void)state;
    clear();
    assert_non_null(limit(RUNTIME_PYTHON_FREE_THREADED, NULL, NULL));
    setenv("GCSHIM_GC", "off", 1);
    assert_non_null(limit(RUNTIME_PYTHON_FREE_THREADED, NULL, NULL));
    /* The library does with these. */
    setenv("GCSHIM_GC", "observe", 1);
    assert_null(limit(RUNTIME_PYTHON_FREE_THREADED, NULL, NULL));
    setenv("GCSHIM_GC", "pace", 1);
    assert_null(limit(RUNTIME_PYTHON_FREE_THREADED, NULL, NULL));
}

static void what_may_end_php_comes_first(void **state)
{
    (void)state;
    clear();
    assert_non_null(strstr(limit(RUNTIME_PHP, NULL, NULL), "RTLD_DEEPBIND"));
    assert_non_null(strstr(limit(RUNTIME_PHP, "-r", "-n"), "RTLD_DEEPBIND"));
    assert_non_null(strstr(limit(RUNTIME_PHP, "x", "-n"), "RTLD_DEEPBIND"));
    assert_non_null(strstr(limit(RUNTIME_PHP, "-n", NULL), "USE_ZEND_ALLOC"));
    setenv("USE_ZEND_ALLOC", "0", 1);
    assert_non_null(strstr(limit(RUNTIME_PHP, NULL, NULL), "RTLD_DEEPBIND"));
    assert_null(limit(RUNTIME_PHP, "-q", "-n"));
}

static void every_runtime_but_none_has_a_limit(void **state)
{
    (void)state;
    clear();
    assert_null(limit(RUNTIME_NONE, NULL, NULL));
    for (int runtime = RUNTIME_NONE + 1; runtime <= RUNTIME_GO; runtime++)
        assert_non_null(limit((enum runtime)runtime, NULL, NULL));
}

static void a_preset_has_a_name(void **state)
{
    (void)state;
    assert_non_null(preset_find("auto", RUNTIME_NONE));
    assert_null(preset_find("auto", RUNTIME_GO)->name);
    assert_non_null(preset_find("python", RUNTIME_NONE)->name);
    assert_non_null(preset_find("ruby", RUNTIME_NONE)->name);
    assert_null(preset_find("", RUNTIME_PYTHON));
    assert_null(preset_find("Python", RUNTIME_PYTHON));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_runtime_is_known_by_its_name),
        cmocka_unit_test(a_similar_name_is_no_runtime),
        cmocka_unit_test(pythons_own_allocator_is_named),
        cmocka_unit_test(a_python_that_ignores_variables_is_named),
        cmocka_unit_test(a_free_threaded_python_is_named_once),
        cmocka_unit_test(what_may_end_php_comes_first),
        cmocka_unit_test(every_runtime_but_none_has_a_limit),
        cmocka_unit_test(a_preset_has_a_name),
    };

    return RUN(tests);
}
