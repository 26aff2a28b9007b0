/* What the user asks for is what the model shows. */
#include "top/model.h"

#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "specimen.h"
#include "unit.h"

#define SECOND UINT64_C(1000000000)

static struct model model;

static int begin(void **state)
{
    (void)state;
    model_init(&model, &(struct choice){0});
    return 0;
}

static int end(void **state)
{
    (void)state;
    model_fini(&model);
    return 0;
}

static void refresh(struct reader_survey survey, uint64_t second)
{
    assert_int_equal(model_refresh(&model, &survey, second * SECOND), 0);
    assert_null(survey.processes); /* taken over */
}

static void press(uint32_t key)
{
    assert_int_equal(model_key(&model, key), 0);
}

static void type(const char *text)
{
    for (; *text; text++)
        press((unsigned char)*text);
}

static uint32_t pid_at(size_t index)
{
    assert_true(index < model.list.count);
    return model.list.rows[index].process->pid;
}

static uint32_t selected_pid(void)
{
    assert_non_null(model_selected(&model));
    return model_selected(&model)->process->pid;
}

/* ------------------------------------------------------------------ order */

static void the_largest_user_stands_first(void **state)
{
    (void)state;
    refresh(fleet(5, 0), 1);
    assert_int_equal(model.list.count, 5);
    assert_int_equal(pid_at(0), 105);
    assert_int_equal(pid_at(4), 101);
}

static void the_order_can_be_inverted_and_changed(void **state)
{
    (void)state;
    refresh(fleet(5, 0), 1);
    press('I');
    assert_int_equal(pid_at(0), 101);
    press('N');
    assert_int_equal(pid_at(0), 101);
    press('I');
    assert_int_equal(pid_at(0), 105);
    press('T');
    assert_int_equal(model.sort, COLUMN_TOTAL);
    assert_int_equal(pid_at(0), 105);
}

static void the_sort_column_moves_around_the_corner(void **state)
{
    (void)state;
    refresh(fleet(2, 0), 1);
    press('N');
    press('<');
    assert_int_equal(model.sort, COLUMN_COMMAND);
    press('>');
    assert_int_equal(model.sort, COLUMN_PID);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        press('>');
        assert_int_not_equal(model.sort, COLUMN_CHANGE);
    }
}

static void the_sort_column_can_be_chosen(void **state)
{
    (void)state;
    enum column_id ids[COLUMN_COUNT];

    refresh(fleet(3, 0), 1);
    press(KEY_FUNCTION + 6);
    assert_int_equal(model.screen, SCREEN_SORT);
    assert_int_equal(model.sorts.count, model_sort_columns(&model, ids));
    assert_int_equal(ids[model.sorts.selected], COLUMN_USED);
    model_fit(&model, 10);
    press(KEY_FIRST);
    press('3'); /* there is no panel of this, nor anything to trim */
    press('R');
    assert_int_equal(model.screen, SCREEN_SORT);
    assert_int_equal(model.prompt, PROMPT_NONE);
    press(KEY_RETURN);
    assert_int_equal(model.screen, SCREEN_LIST);
    assert_int_equal(model.sort, COLUMN_PID);
    assert_int_equal(pid_at(0), 101);
    press(KEY_FUNCTION + 6);
    press(KEY_LAST);
    press(KEY_ESC);
    assert_int_equal(model.screen, SCREEN_LIST);
    assert_int_equal(model.sort, COLUMN_PID);
    press(KEY_FUNCTION + 6);
    press(KEY_FUNCTION + 6);
    assert_int_equal(model.screen, SCREEN_LIST);
}

static void what_has_nothing_to_say_is_not_offered_to_sort_by(void **state)
{
    (void)state;
    enum column_id ids[COLUMN_COUNT];
    size_t plain = 0;

    refresh(fleet(3, 0), 1);
    plain = model_sort_columns(&model, ids);
    for (size_t i = 0; i < plain; i++)
        assert_true(ids[i] != COLUMN_CHANGE && ids[i] != COLUMN_HISTORY &&
                    ids[i] != COLUMN_FAMILY_USED);
    press('z');
    press('t');
    assert_int_equal(model_sort_columns(&model, ids), plain + 3);
}

/* ------------------------------------------------------------------ rates */

static void growth_and_rate_are_of_a_second(void **state)
{
    (void)state;
    struct reader_survey later = fleet(1, 0);

    refresh(fleet(1, 0), 1);
    assert_true(model.list.rows[0].growth_bytes == INT64_MIN);
    assert_true(model.list.rows[0].rate_bytes == READER_UNKNOWN);
    later.processes[0].used_bytes -= 1000;
    later.processes[0].totals.allocated_bytes += 6000;
    refresh(later, 3);
    assert_int_equal(model.list.rows[0].growth_bytes, -500);
    assert_int_equal(model.list.rows[0].rate_bytes, 3000);
    assert_int_equal(model.totals.growth_bytes, -500);
}

static void a_pid_given_anew_has_no_rate(void **state)
{
    (void)state;
    struct reader_survey later = fleet(1, 0);

    refresh(fleet(1, 0), 1);
    later.processes[0].created_ns++;
    refresh(later, 2);
    assert_true(model.list.rows[0].growth_bytes == INT64_MIN);
}

static void hostile_figures_do_not_overflow(void **state)
{
    (void)state;
    struct reader_survey first = fleet(2, 0);
    struct reader_survey later = fleet(2, 0);

    for (int i = 0; i < 2; i++) {
        first.processes[i].used_bytes = 0;
        later.processes[i].used_bytes = UINT64_MAX - 1;
        first.processes[i].totals.allocated_bytes = UINT64_MAX - 1;
        later.processes[i].totals.allocated_bytes = 0;
    }
    refresh(first, 1);
    refresh(later, 2);
    assert_true(model.list.rows[0].growth_bytes == INT64_MAX);
    assert_int_equal(model.list.rows[0].rate_bytes, 0);
    assert_true(model.totals.growth_bytes == INT64_MAX);
}

static void the_baseline_shows_the_change_since(void **state)
{
    (void)state;
    struct reader_survey later = fleet(3, 0);

    refresh(fleet(2, 0), 1);
    press('z');
    assert_true(model_has_baseline(&model));
    later.processes[0].used_bytes += 77;
    refresh(later, 2);
    press('N');
    assert_int_equal(model.list.rows[0].change_bytes, 77);
    assert_int_equal(model.list.rows[1].change_bytes, 0);
    /* It was not there yet. */
    assert_int_equal(model.list.rows[2].change_bytes,
                     model.list.rows[2].process->used_bytes);
    press('z');
    assert_false(model_has_baseline(&model));
    assert_true(model.list.rows[0].change_bytes == INT64_MIN);
}

/* ----------------------------------------------------------------- choice */

static void only_the_chosen_pids_are_shown_and_summed(void **state)
{
    (void)state;
    static uint32_t pids[] = {102, 104, 999};

    model.choice = (struct choice){.pids = pids, .pid_count = 3};
    refresh(fleet(5, 0), 1);
    assert_int_equal(model.list.count, 2);
    assert_int_equal(model.totals.live, 2);
    assert_int_equal(model.totals.used_bytes, (uint64_t)206 << 20);
}

static void only_the_users_processes_are_shown(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(3, 0);

    survey.processes[1].uid = 1234;
    model.choice = (struct choice){.by_user = true, .uid = 1234};
    refresh(survey, 1);
    assert_int_equal(model.list.count, 1);
    assert_int_equal(pid_at(0), 102);
}

static void the_dead_are_counted_but_not_summed(void **state)
{
    (void)state;
    refresh(fleet(3, 1), 1);
    assert_int_equal(model.totals.live, 2);
    assert_int_equal(model.totals.dead, 1);
    assert_int_equal(model.totals.used_bytes, (uint64_t)203 << 20);
    assert_int_equal(model.totals.resident_bytes, (uint64_t)203 << 20);
}

/* -------------------------------------------------------------- selection */

static void the_selection_stays_with_its_process(void **state)
{
    (void)state;
    struct reader_survey later = fleet(5, 0);

    refresh(fleet(5, 0), 1);
    press(KEY_ARROW_DOWN);
    assert_int_equal(selected_pid(), 104);
    later.processes[0].used_bytes = (uint64_t)1 << 40;
    refresh(later, 2);
    assert_int_equal(pid_at(0), 101);
    assert_int_equal(selected_pid(), 104);
    press('I');
    assert_int_equal(selected_pid(), 104);
}

static void the_selection_stays_on_the_list_when_its_process_ends(void **s)
{
    (void)s;
    refresh(fleet(5, 0), 1);
    press(KEY_LAST);
    refresh(fleet(1, 0), 2);
    assert_int_equal(selected_pid(), 101);
    refresh(fleet(0, 0), 3);
    assert_null(model_selected(&model));
    press(KEY_ARROW_DOWN);
    press(KEY_ARROW_UP);
    press(KEY_PAGE_DOWN);
    press(KEY_RETURN);
    assert_int_equal(model.screen, SCREEN_LIST);
}

static void the_selection_stays_with_its_thread(void **state)
{
    (void)state;
    refresh(fleet(2, 0), 1);
    press('H');
    press(KEY_ARROW_DOWN);
    press(KEY_ARROW_DOWN);
    assert_int_equal(model_selected(&model)->thread->tid, 102);
    refresh(fleet(2, 0), 2);
    assert_non_null(model_selected(&model)->thread);
    assert_int_equal(model_selected(&model)->thread->tid, 102);
}

static void the_selected_row_is_always_in_the_window(void **state)
{
    (void)state;
    static const uint32_t keys[] = {KEY_LAST,  KEY_ARROW_UP,  KEY_PAGE_UP,
                                    KEY_FIRST, KEY_PAGE_DOWN, KEY_ARROW_DOWN};

    refresh(fleet(50, 0), 1);
    model_fit(&model, 7);
    for (int i = 0; i < 60; i++) {
        press(keys[i % 6]);
        model_fit(&model, 7);
        assert_true(model.list.selected >= model.list.first);
        assert_true(model.list.selected < model.list.first + 7);
        assert_true(model.list.first + 7 <= 50);
    }
    model_fit(&model, 100);
    assert_int_equal(model.list.first, 0);
}

static void threads_stand_under_their_process(void **state)
{
    (void)state;
    refresh(fleet(2, 0), 1);
    press('H');
    assert_int_equal(model.list.count, 6);
    assert_int_equal(pid_at(0), 102);
    assert_null(model.list.rows[0].thread);
    assert_int_equal(model.list.rows[1].thread->tid, 1102);
    assert_int_equal(model.list.rows[2].thread->tid, 102);
    assert_null(model.list.rows[3].thread);
    press(KEY_ARROW_DOWN);
    press('H');
    assert_int_equal(model.list.count, 2);
    assert_int_equal(selected_pid(), 102);
}

/* ----------------------------------------------------- search and filter */

static void search_goes_to_what_matches(void **state)
{
    (void)state;
    refresh(fleet(20, 0), 1);
    press('/');
    type("PROGRAM-11"); /* either case */
    assert_int_equal(selected_pid(), 119);
    press(KEY_RETURN);
    assert_int_equal(model.prompt, PROMPT_NONE);
    press('n');
    assert_int_equal(selected_pid(), 118);
}

static void the_next_one_is_found_while_typing_too(void **state)
{
    (void)state;
    refresh(fleet(20, 0), 1);
    press('/');
    type("program-11");
    press(KEY_FUNCTION + 3);
    assert_int_equal(selected_pid(), 118);
    assert_int_equal(model.prompt, PROMPT_SEARCH);
    press(KEY_ARROW_DOWN); /* ends it, and moves on */
    assert_int_equal(model.prompt, PROMPT_NONE);
    assert_int_equal(selected_pid(), 117);
    assert_string_equal(model.search, "program-11");
}

static void a_search_in_vain_says_so_and_moves_nothing(void **state)
{
    (void)state;
    refresh(fleet(3, 0), 1);
    press('/');
    type("nowhere");
    assert_int_equal(selected_pid(), 103);
    assert_non_null(strstr(model.message, "nothing matches"));
    press(KEY_ESC);
    assert_string_equal(model.message, "");
    assert_string_equal(model.search, "");
}

static void the_filter_shows_only_what_matches(void **state)
{
    (void)state;
    refresh(fleet(20, 0), 1);
    press('\\');
    type("-10");
    assert_int_equal(model.list.count, 9);
    press(KEY_ERASE);
    assert_int_equal(model.list.count, 20);
    type("x");
    assert_int_equal(model.list.count, 0);
    press(KEY_CTRL_U);
    type("105");
    press(KEY_RETURN);
    assert_int_equal(model.list.count, 1);
    refresh(fleet(20, 0), 2);
    assert_int_equal(model.list.count, 1);
    press(KEY_ESC);
    assert_int_equal(model.list.count, 20);
}

static void what_is_typed_is_no_command(void **state)
{
    (void)state;
    refresh(fleet(2, 0), 1);
    press('/');
    type("qZHq");
    assert_false(model.quit);
    assert_false(model.paused);
    assert_string_equal(model.search, "qZHq");
}

static void a_prompt_takes_no_more_than_it_holds(void **state)
{
    (void)state;
    refresh(fleet(1, 0), 1);
    press('/');
    for (int i = 0; i < 1000; i++)
        press('x');
    assert_int_equal(strlen(model.search), MODEL_TEXT_BYTES - 1);
}

/* ---------------------------------------------------------------- screens */

static void enter_shows_one_process_and_escape_goes_back(void **state)
{
    (void)state;
    refresh(fleet(3, 0), 1);
    press(KEY_RETURN);
    assert_int_equal(model.screen, SCREEN_DETAIL);
    assert_int_equal(model.shown.process->pid, 103);
    assert_int_equal(model.panel, PANEL_OVERVIEW);
    assert_int_equal(model.panels[PANEL_THREADS].count, 2);
    press('2');
    press('N');
    assert_int_equal(model.panels[PANEL_THREADS].rows[0].thread->tid, 103);
    press('T');
    assert_int_equal(model.panels[PANEL_THREADS].rows[0].thread->tid, 1103);
    press(KEY_ARROW_DOWN);
    assert_int_equal(model.panels[PANEL_THREADS].selected, 1);
    assert_int_equal(selected_pid(), 103);
    press(KEY_ESC);
    assert_int_equal(model.screen, SCREEN_LIST);
}

/* A survey of the specimen alone. */
static struct reader_survey one_specimen(void)
{
    struct reader_survey survey = {.process_count = 1};

    survey.processes = calloc(1, sizeof(*survey.processes));
    assert_non_null(survey.processes);
    survey.processes[0] = specimen();
    return survey;
}

static void a_number_opens_that_panel_from_the_list_too(void **state)
{
    (void)state;
    refresh(one_specimen(), 1);
    press('3');
    assert_int_equal(model.screen, SCREEN_DETAIL);
    assert_int_equal(model.panel, PANEL_CLASSES);
    assert_int_equal(model.panels[PANEL_CLASSES].count, 14);
    press('4');
    assert_int_equal(model.panel, PANEL_HUGE);
    assert_int_equal(model.panels[PANEL_HUGE].count, 2);
    press(KEY_ESC);
    press(KEY_RETURN);
    assert_int_equal(model.panel, PANEL_OVERVIEW);
}

static void each_panel_has_a_place_of_its_own(void **state)
{
    (void)state;
    refresh(one_specimen(), 1);
    press('3');
    press(KEY_LAST);
    assert_int_equal(model.panels[PANEL_CLASSES].selected, 13);
    press('4');
    press(KEY_ARROW_DOWN);
    assert_int_equal(model.panels[PANEL_HUGE].selected, 1);
    press('3');
    assert_int_equal(model.panels[PANEL_CLASSES].selected, 13);
    struct reader_survey fewer = one_specimen();

    fewer.processes[0].class_count = 3;
    refresh(fewer, 2);
    assert_int_equal(model.panels[PANEL_CLASSES].selected, 2);
    press(KEY_ESC);
    press('3');
    assert_int_equal(model.panels[PANEL_CLASSES].selected, 0);
}

static void the_worst_size_class_stands_first(void **state)
{
    (void)state;
    refresh(one_specimen(), 1);
    assert_int_equal(model.classes[0].block_bytes, 48);
    assert_int_equal(model.shown.process->classes[0].block_bytes, 16);
}

/* ------------------------------------------------------------------- trim */

static void a_trim_is_wanted_only_after_a_yes(void **state)
{
    (void)state;
    refresh(fleet(3, 0), 1);
    press('R');
    assert_int_equal(model.prompt, PROMPT_TRIM);
    press('x');
    assert_int_equal(model.prompt, PROMPT_NONE);
    assert_false(model.trim.is_wanted);
    press('R');
    press('y');
    assert_true(model.trim.is_wanted);
    assert_int_equal(model.trim.pid, 103);
}

static void what_was_asked_about_is_trimmed_and_nothing_else(void **state)
{
    (void)state;
    struct reader_survey later = fleet(3, 0);

    refresh(fleet(3, 0), 1);
    press('R');
    later.processes[0].used_bytes *= 10; /* now it stands first */
    refresh(later, 2);
    press('y');
    assert_int_equal(model.trim.pid, 103);
}

static void the_dead_are_not_trimmed(void **state)
{
    (void)state;
    refresh(fleet(1, 1), 1);
    press('R');
    assert_int_equal(model.prompt, PROMPT_NONE);
    assert_string_equal(model.message, "process 101 is dead");
}

static void a_message_stays_as_long_as_it_says(void **state)
{
    (void)state;
    refresh(fleet(1, 0), 1);
    model_say(&model, 3 * SECOND, "hello %d", 7);
    refresh(fleet(1, 0), 2);
    assert_string_equal(model.message, "hello 7");
    refresh(fleet(1, 0), 3);
    assert_string_equal(model.message, "");
}

/* ----------------------------------------------------------- explanations */

/* Has the next process explained that is to be; its pid, or 0. */
static uint32_t explain_next(uint64_t now, uint64_t cost)
{
    struct reader_process *process = model_unexplained(&model, now);

    if (!process)
        return 0;
    process->verdict = READER_VERDICT_OUTSIDE;
    process->mappings.outside_bytes = process->pid;
    strcpy(process->evidence, "because");
    assert_int_equal(model_explained(&model, process, now, now + cost), 0);
    return process->pid;
}

static void what_is_on_the_screen_is_explained_once(void **state)
{
    (void)state;
    refresh(fleet(5, 0), 1);
    model_fit(&model, 2);
    assert_int_equal(explain_next(SECOND, 1), 105);
    assert_int_equal(explain_next(SECOND, 1), 104);
    assert_int_equal(explain_next(SECOND, 1), 0);
    press(KEY_LAST);
    model_fit(&model, 2);
    assert_int_equal(explain_next(SECOND, 1), 102);
}

static void an_explanation_is_kept_for_a_while(void **state)
{
    (void)state;
    refresh(fleet(1, 0), 1);
    model_fit(&model, 2);
    assert_int_equal(explain_next(SECOND, 1), 101);
    refresh(fleet(1, 0), 2);
    assert_int_equal(model.list.rows[0].process->verdict,
                     READER_VERDICT_OUTSIDE);
    assert_int_equal(model.list.rows[0].process->mappings.outside_bytes, 101);
    assert_string_equal(model.list.rows[0].process->evidence, "because");
    assert_int_equal(explain_next(10 * SECOND, 1), 0);
    assert_int_equal(explain_next(11 * SECOND, 1), 101);
}

static void the_process_in_detail_is_explained_more_often(void **state)
{
    (void)state;
    refresh(fleet(2, 0), 1);
    model_fit(&model, 2);
    press(KEY_RETURN);
    assert_int_equal(explain_next(SECOND, 1), 102);
    assert_int_equal(explain_next(SECOND, 1), 0);
    assert_int_equal(explain_next(2 * SECOND, 1), 102);
}

static void what_is_costly_is_explained_more_seldom(void **state)
{
    (void)state;
    refresh(fleet(1, 0), 1);
    model_fit(&model, 2);
    assert_int_equal(explain_next(SECOND, SECOND), 101);
    assert_int_equal(explain_next(20 * SECOND, 1), 0);
    assert_int_equal(explain_next(21 * SECOND, 1), 101);
}

static void the_dead_and_the_gone_are_not_explained(void **state)
{
    (void)state;
    refresh(fleet(2, 1), 1);
    model_fit(&model, 2);
    assert_int_equal(explain_next(SECOND, 1), 101);
    assert_int_equal(explain_next(SECOND, 1), 0);
    refresh(fleet(0, 0), 2);
    assert_int_equal(model.explained.count, 0);
}

static void what_was_said_of_the_living_is_not_said_of_the_dead(void **state)
{
    (void)state;
    refresh(fleet(1, 0), 1);
    model_fit(&model, 2);
    assert_int_equal(explain_next(SECOND, 1), 101);
    refresh(fleet(1, 1), 2);
    assert_int_equal(model.list.rows[0].process->verdict,
                     READER_VERDICT_UNKNOWN);
}

static void detail_closes_when_its_process_has_ended(void **state)
{
    (void)state;
    refresh(fleet(3, 0), 1);
    press(KEY_RETURN);
    refresh(fleet(2, 0), 2);
    assert_int_equal(model.screen, SCREEN_LIST);
    assert_string_equal(model.message, "process 103 has ended");
}

static void help_goes_back_to_where_it_was_asked_for(void **state)
{
    (void)state;
    refresh(fleet(3, 0), 1);
    press(KEY_RETURN);
    press('h');
    assert_int_equal(model.screen, SCREEN_HELP);
    press(KEY_ESC);
    assert_int_equal(model.screen, SCREEN_DETAIL);
    press('?');
    press('?');
    assert_int_equal(model.screen, SCREEN_DETAIL);
}

static void the_interval_stays_within_bounds(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++)
        press('-');
    assert_true(model.interval_s >= MODEL_INTERVAL_LEAST);
    for (int i = 0; i < 50; i++)
        press('+');
    assert_true(model.interval_s <= MODEL_INTERVAL_MOST);
}

static void quit_and_pause_are_taken_note_of(void **state)
{
    (void)state;
    press('Z');
    assert_true(model.paused);
    press('Z');
    assert_false(model.paused);
    press('q');
    assert_true(model.quit);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_largest_user_stands_first),
        TEST(the_order_can_be_inverted_and_changed),
        TEST(the_sort_column_moves_around_the_corner),
        TEST(the_sort_column_can_be_chosen),
        TEST(what_has_nothing_to_say_is_not_offered_to_sort_by),
        TEST(growth_and_rate_are_of_a_second),
        TEST(a_pid_given_anew_has_no_rate),
        TEST(hostile_figures_do_not_overflow),
        TEST(the_baseline_shows_the_change_since),
        TEST(only_the_chosen_pids_are_shown_and_summed),
        TEST(only_the_users_processes_are_shown),
        TEST(the_dead_are_counted_but_not_summed),
        TEST(the_selection_stays_with_its_process),
        TEST(the_selection_stays_on_the_list_when_its_process_ends),
        TEST(the_selection_stays_with_its_thread),
        TEST(the_selected_row_is_always_in_the_window),
        TEST(threads_stand_under_their_process),
        TEST(search_goes_to_what_matches),
        TEST(the_next_one_is_found_while_typing_too),
        TEST(a_search_in_vain_says_so_and_moves_nothing),
        TEST(the_filter_shows_only_what_matches),
        TEST(what_is_typed_is_no_command),
        TEST(a_prompt_takes_no_more_than_it_holds),
        TEST(enter_shows_one_process_and_escape_goes_back),
        TEST(a_number_opens_that_panel_from_the_list_too),
        TEST(each_panel_has_a_place_of_its_own),
        TEST(the_worst_size_class_stands_first),
        TEST(a_trim_is_wanted_only_after_a_yes),
        TEST(what_was_asked_about_is_trimmed_and_nothing_else),
        TEST(the_dead_are_not_trimmed),
        TEST(a_message_stays_as_long_as_it_says),
        TEST(what_is_on_the_screen_is_explained_once),
        TEST(an_explanation_is_kept_for_a_while),
        TEST(the_process_in_detail_is_explained_more_often),
        TEST(what_is_costly_is_explained_more_seldom),
        TEST(the_dead_and_the_gone_are_not_explained),
        TEST(what_was_said_of_the_living_is_not_said_of_the_dead),
        TEST(detail_closes_when_its_process_has_ended),
        TEST(help_goes_back_to_where_it_was_asked_for),
        TEST(the_interval_stays_within_bounds),
        TEST(quit_and_pause_are_taken_note_of),
    };

    return RUN(tests);
}
