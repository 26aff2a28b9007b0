#include "identity.h"
#include "unit.h"

#include <sys/stat.h>
#include <unistd.h>

#define FIELDS                                                               \
    " S 7 1 1 0 -1 4194304 100 0 0 0 1 2 0 0 20 0 1 0 4711 1000 200 "        \
    "18446744073709551615 1 1 140722222222 0 0 0 0\n"

static void a_line_of_stat_is_read(void **state)
{
    (void)state;
    struct identity identity = {0};
    identity_parse_stat(&identity, "42 (python3)" FIELDS);
    assert_string_equal(identity.comm, "python3");
    assert_int_equal(identity.parent_pid, 7);
    assert_int_equal(identity.start_time_ticks, 4711);
    assert_int_equal(identity.stack_start, 140722222222);
}

static void a_name_may_hold_blanks_and_parentheses(void **state)
{
    (void)state;
    struct identity identity = {0};
    identity_parse_stat(&identity, "42 (a) S 9 (b)" FIELDS);
    assert_string_equal(identity.comm, "a) S 9 (b");
    assert_int_equal(identity.parent_pid, 7);
}

static void a_long_name_is_cut_off(void **state)
{
    (void)state;
    struct identity identity = {0};
    identity_parse_stat(&identity, "42 (0123456789abcdefghij)" FIELDS);
    assert_string_equal(identity.comm, "0123456789abcde");
}

static void a_line_without_sense_changes_nothing(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "", "42", "42 (x", "42 x)", ")(", "42 (x)", "42 (x) S 7", "42 (x) S a",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct identity identity = {.comm = "?", .start_time_ticks = 5};
        identity_parse_stat(&identity, lines[i]);
        assert_string_equal(identity.comm, "?");
        assert_int_equal(identity.start_time_ticks, 5);
    }
}

static void the_own_process_is_known(void **state)
{
    (void)state;
    struct identity identity;
    struct stat namespace;
    identity_learn(&identity);
    assert_int_equal(stat("/proc/self/ns/pid", &namespace), 0);
    assert_int_equal(identity.pid, getpid());
    assert_int_equal(identity.parent_pid, getppid());
    assert_int_equal(identity.uid, geteuid());
    assert_int_equal(identity.pid_namespace, namespace.st_ino);
    assert_string_equal(identity.comm, "unit_identity");
    assert_true(identity.start_time_ticks > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_of_stat_is_read),
        cmocka_unit_test(a_name_may_hold_blanks_and_parentheses),
        cmocka_unit_test(a_long_name_is_cut_off),
        cmocka_unit_test(a_line_without_sense_changes_nothing),
        cmocka_unit_test(the_own_process_is_known),
    };
    return RUN(tests);
}
