/* Each key does one thing, and the help page tells of it. */
#include "top/keys.h"

#include <stdbool.h>
#include <string.h>

#include "unit.h"

static void keys_do_what_they_do_in_top(void **state)
{
    (void)state;
    assert_int_equal(key_action('q'), ACTION_QUIT);
    assert_int_equal(key_action(KEY_FUNCTION + 10), ACTION_QUIT);
    assert_int_equal(key_action('h'), ACTION_HELP);
    assert_int_equal(key_action('?'), ACTION_HELP);
    assert_int_equal(key_action('P'), ACTION_SORT_RATE);
    assert_int_equal(key_action('M'), ACTION_SORT_USED);
    assert_int_equal(key_action('T'), ACTION_SORT_TOTAL);
    assert_int_equal(key_action('N'), ACTION_SORT_PID);
    assert_int_equal(key_action('/'), ACTION_SEARCH);
    assert_int_equal(key_action('\\'), ACTION_FILTER);
    assert_int_equal(key_action('Z'), ACTION_PAUSE);
    assert_int_equal(key_action('z'), ACTION_BASELINE);
}

static void an_unknown_key_does_nothing(void **state)
{
    (void)state;
    assert_int_equal(key_action(0), ACTION_NONE);
    assert_int_equal(key_action('x'), ACTION_NONE);
    assert_int_equal(key_action(UINT32_MAX), ACTION_NONE);
}

static void no_key_does_two_things(void **state)
{
    (void)state;
    for (size_t i = 0; i < key_binding_count; i++) {
        for (size_t k = 0; k < 3; k++) {
            uint32_t key = key_bindings[i].keys[k];

            if (key != 0)
                assert_int_equal(key_action(key), key_bindings[i].action);
        }
    }
}

static void every_action_has_a_key_and_its_help(void **state)
{
    (void)state;
    for (int action = ACTION_NONE + 1; action <= ACTION_REDRAW; action++) {
        bool found = false;

        for (size_t i = 0; i < key_binding_count; i++)
            found |= (int)key_bindings[i].action == action &&
                     key_bindings[i].keys[0] && *key_bindings[i].label &&
                     *key_bindings[i].help;
        assert_true(found);
    }
}

/* In a window of 80 columns two of them stand side by side, on one page. */
static void the_help_fits_beside_itself(void **state)
{
    (void)state;
    enum { LABEL = 9, TEXT = 26, PAGE_LINES = 22, TITLE_AND_BLANK = 2 };

    for (size_t i = 0; i < key_binding_count; i++) {
        assert_true(strlen(key_bindings[i].label) <= LABEL);
        assert_true(strlen(key_bindings[i].help) <=
                    TEXT + 4 * (i >= (key_binding_count + 1) / 2));
    }
    assert_true((key_binding_count + 1) / 2 + TITLE_AND_BLANK <= PAGE_LINES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_do_what_they_do_in_top),
        cmocka_unit_test(an_unknown_key_does_nothing),
        cmocka_unit_test(no_key_does_two_things),
        cmocka_unit_test(the_help_fits_beside_itself),
        cmocka_unit_test(every_action_has_a_key_and_its_help),
    };

    return RUN(tests);
}
