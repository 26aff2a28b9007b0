/* Families stand together, and are summed. */
#include "top/tree.h"

#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "top/model.h"
#include "unit.h"

#define MIB ((uint64_t)1 << 20)

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

/* Makes the process at one index the child of that at another. */
static void adopt(struct reader_survey *survey, size_t child, size_t parent)
{
    survey->processes[child].ancestor_pid = survey->processes[parent].pid;
    survey->processes[child].ancestor_created_ns =
        survey->processes[parent].created_ns;
}

/* 101 has the children 102 and 104, 104 the children 103 and 105; 106 is
 * alone. */
static struct reader_survey family(void)
{
    struct reader_survey survey = fleet(6, 0);

    adopt(&survey, 1, 0);
    adopt(&survey, 3, 0);
    adopt(&survey, 2, 3);
    adopt(&survey, 4, 3);
    return survey;
}

static void refresh(struct reader_survey survey, uint64_t second)
{
    assert_int_equal(model_refresh(&model, &survey, second * 1000000000), 0);
}

static void press(uint32_t key)
{
    assert_int_equal(model_key(&model, key), 0);
}

/* The tids or pids of the list, and the depths. */
static void assert_list(size_t count, const uint32_t pids[],
                        const unsigned depths[])
{
    assert_int_equal(model.list.count, count);
    for (size_t i = 0; i < count; i++) {
        const struct row *row = &model.list.rows[i];

        assert_int_equal(row->thread ? row->thread->tid : row->process->pid,
                         pids[i]);
        assert_int_equal(row->branch.depth, depths[i]);
    }
}

#define ASSERT_LIST(count, pids, depths)               \
    assert_list(count, (const uint32_t[])BRACED(pids), \
                (const unsigned[])BRACED(depths))
#define BRACED(list) \
    {                \
        PLAIN list   \
    }
#define PLAIN(...) __VA_ARGS__

static uint32_t selected(void)
{
    return model_selected(&model)->process->pid;
}

/* ---------------------------------------------------------------- order */

static void children_follow_their_parent_in_the_order_asked_for(void **state)
{
    (void)state;
    refresh(family(), 1);
    ASSERT_LIST(6, (106, 105, 104, 103, 102, 101), (0, 0, 0, 0, 0, 0));
    press('t');
    ASSERT_LIST(6, (106, 101, 104, 105, 103, 102), (0, 0, 1, 2, 2, 1));
    press('I');
    ASSERT_LIST(6, (101, 102, 104, 103, 105, 106), (0, 1, 1, 2, 2, 0));
    press('t');
    ASSERT_LIST(6, (101, 102, 103, 104, 105, 106), (0, 0, 0, 0, 0, 0));
}

static void lines_go_on_where_siblings_follow(void **state)
{
    (void)state;
    refresh(family(), 1);
    press('t');
    /* 104 has a sibling below, its children pass that line on. */
    assert_int_equal(model.list.rows[2].branch.lines >> 1, 1);
    assert_int_equal(model.list.rows[3].branch.lines >> 1, 3);
    assert_int_equal(model.list.rows[4].branch.lines >> 1, 1);
    assert_int_equal(model.list.rows[5].branch.lines >> 1, 0);
}

static void what_the_filter_hides_is_passed_over(void **state)
{
    (void)state;
    refresh(family(), 1);
    press('t');
    model.survey.processes[3].command[0] = '\0';
    strcpy(model.survey.processes[3].comm, "other");
    press('\\');
    for (const char *at = "program"; *at; at++)
        press((unsigned char)*at);
    /* 103 and 105 are now 101's. */
    ASSERT_LIST(5, (106, 101, 105, 103, 102), (0, 0, 1, 1, 1));
    assert_true(model.list.rows[1].family_used_bytes ==
                (101 + 102 + 103 + 104 + 105) * MIB);
}

static void threads_stand_before_the_children(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(2, 0);

    adopt(&survey, 1, 0);
    refresh(survey, 1);
    press('t');
    press('H');
    ASSERT_LIST(6, (101, 1101, 101, 102, 1102, 102), (0, 1, 1, 1, 2, 2));
    /* The line to the child goes past the threads. */
    assert_int_equal(model.list.rows[1].branch.lines >> 1, 1);
    assert_int_equal(model.list.rows[4].branch.lines >> 1, 0);
}

static void a_deep_tree_is_drawn_no_deeper_than_it_can_be(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(200, 0);

    for (size_t i = 1; i < 200; i++)
        adopt(&survey, i, i - 1);
    refresh(survey, 1);
    press('t');
    press('H');
    assert_int_equal(model.list.count, 600);
    assert_int_equal(model.list.rows[597].branch.depth, ROW_DEPTH_MAX);
    assert_int_equal(model.list.rows[0].family_used_bytes / MIB,
                     200 * 101 + 199 * 100);
}

/* What no reader says: it must not hang, or lose what is sound. */
static void a_circle_is_no_tree(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(3, 0);

    adopt(&survey, 0, 1);
    adopt(&survey, 1, 0);
    refresh(survey, 1);
    press('t');
    ASSERT_LIST(1, (103), (0));
}

/* ----------------------------------------------------------------- sums */

static void a_family_is_summed(void **state)
{
    (void)state;
    refresh(family(), 1);
    press('t');
    assert_true(model.list.rows[0].family_used_bytes == 106 * MIB);
    assert_true(model.list.rows[1].family_used_bytes ==
                (101 + 102 + 103 + 104 + 105) * MIB);
    assert_true(model.list.rows[1].family_allocated_bytes ==
                2 * MIB * (101 + 102 + 103 + 104 + 105));
    assert_true(model.list.rows[2].family_used_bytes ==
                (103 + 104 + 105) * MIB);
}

static void the_dead_add_nothing_to_their_family(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(3, 1);

    adopt(&survey, 2, 0);
    refresh(survey, 1);
    press('t');
    press('N');
    ASSERT_LIST(3, (101, 103, 102), (0, 1, 0));
    assert_true(model.list.rows[0].family_used_bytes == 101 * MIB);
    assert_true(model.list.rows[1].family_used_bytes == READER_UNKNOWN);
}

static void hostile_figures_do_not_overflow_a_family(void **state)
{
    (void)state;
    struct reader_survey survey = family();

    for (size_t i = 0; i < 6; i++)
        survey.processes[i].used_bytes = UINT64_MAX - 1;
    refresh(survey, 1);
    assert_true(
        tree_node_of(&model.tree, &model.survey.processes[0])->used_bytes ==
        READER_UNKNOWN - 1);
}

static void families_can_be_sorted_by_while_there_is_a_tree(void **state)
{
    (void)state;
    refresh(family(), 1);
    press('t');
    while (model.sort != COLUMN_FAMILY_USED)
        press('>');
    ASSERT_LIST(6, (101, 104, 105, 103, 102, 106), (0, 1, 2, 2, 1, 0));
    press('t');
    assert_int_equal(model.sort, COLUMN_USED);
    for (int i = 0; i < COLUMN_COUNT; i++) {
        press('>');
        assert_int_not_equal(model.sort, COLUMN_FAMILY_USED);
    }
}

/* ---------------------------------------------------------------- folds */

static void a_branch_is_folded_and_unfolded(void **state)
{
    (void)state;
    refresh(family(), 1);
    press('t');
    press(KEY_ARROW_DOWN);
    press(' ');
    ASSERT_LIST(2, (106, 101), (0, 0));
    assert_int_equal(model.list.rows[1].branch.folded, 4);
    assert_int_equal(selected(), 101);
    refresh(family(), 2); /* it stays so */
    ASSERT_LIST(2, (106, 101), (0, 0));
    press(' ');
    assert_int_equal(model.list.count, 6);
}

static void a_fold_within_a_fold_stays(void **state)
{
    (void)state;
    refresh(family(), 1);
    press('t');
    press(KEY_ARROW_DOWN);
    press(KEY_ARROW_DOWN);
    press(' ');
    ASSERT_LIST(4, (106, 101, 104, 102), (0, 0, 1, 1));
    press(KEY_ARROW_UP);
    press(' ');
    ASSERT_LIST(2, (106, 101), (0, 0));
    press(' ');
    ASSERT_LIST(4, (106, 101, 104, 102), (0, 0, 1, 1));
}

static void the_arrows_fold_unfold_and_lead_through_the_tree(void **state)
{
    (void)state;
    refresh(family(), 1);
    press('t');
    press(KEY_ARROW_DOWN);
    press(KEY_ARROW_RIGHT); /* to the first child */
    assert_int_equal(selected(), 104);
    press(KEY_ARROW_RIGHT);
    assert_int_equal(selected(), 105);
    press(KEY_ARROW_RIGHT); /* it has none */
    assert_int_equal(selected(), 105);
    press(KEY_ARROW_LEFT); /* to the parent */
    assert_int_equal(selected(), 104);
    press(KEY_ARROW_LEFT); /* folds */
    assert_int_equal(model.list.count, 4);
    press(KEY_ARROW_LEFT);
    assert_int_equal(selected(), 101);
    press(KEY_ARROW_DOWN);
    press(KEY_ARROW_RIGHT); /* unfolds */
    assert_int_equal(model.list.count, 6);
}

static void a_fold_is_forgotten_with_its_process(void **state)
{
    (void)state;
    struct reader_survey later = family();

    refresh(family(), 1);
    press('t');
    press(KEY_ARROW_DOWN);
    press(' ');
    assert_int_equal(model.folds.count, 1);
    later.processes[0].created_ns = 1; /* another of that pid */
    for (size_t i = 1; i < 6; i++)
        later.processes[i].ancestor_created_ns = 1;
    refresh(later, 2);
    assert_int_equal(model.folds.count, 0);
}

static void without_a_tree_nothing_is_folded(void **state)
{
    (void)state;
    refresh(family(), 1);
    press(KEY_LAST);
    press(' ');
    press(KEY_ARROW_LEFT);
    assert_int_equal(model.list.count, 6);
    press('t');
    press('\r'); /* in detail, the arrows change the panel */
    assert_int_equal(model.screen, SCREEN_DETAIL);
    press(' ');
    press(KEY_ARROW_RIGHT);
    assert_int_equal(model.panel, PANEL_THREADS);
    press(KEY_ARROW_LEFT);
    press(KEY_ARROW_LEFT);
    assert_int_equal(model.panel, PANEL_COUNT - 1);
    assert_int_equal(model.list.count, 6);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(children_follow_their_parent_in_the_order_asked_for),
        TEST(lines_go_on_where_siblings_follow),
        TEST(what_the_filter_hides_is_passed_over),
        TEST(threads_stand_before_the_children),
        TEST(a_deep_tree_is_drawn_no_deeper_than_it_can_be),
        TEST(a_circle_is_no_tree),
        TEST(a_family_is_summed),
        TEST(the_dead_add_nothing_to_their_family),
        TEST(hostile_figures_do_not_overflow_a_family),
        TEST(families_can_be_sorted_by_while_there_is_a_tree),
        TEST(a_branch_is_folded_and_unfolded),
        TEST(a_fold_within_a_fold_stays),
        TEST(the_arrows_fold_unfold_and_lead_through_the_tree),
        TEST(a_fold_is_forgotten_with_its_process),
        TEST(without_a_tree_nothing_is_folded),
    };

    return RUN(tests);
}
