/* The table of columns: what is shown when, and in what order. */
#include "top/columns.h"

#include <locale.h>
#include <string.h>

#include "unit.h"

static struct reader_thread thread = {
    .tid = 12, .name = "worker", .state = 'R', .totals = {1 << 20, 5, 0, 0}};

static struct reader_process process = {
    .pid = 11,
    .uid = 0,
    .comm = "program",
    .command = "program --option",
    .state = READER_LIVE,
    .run_state = 'S',
    .used_bytes = 600,
    .allocated_bytes = 1000,
    .resident_bytes = READER_UNKNOWN,
    .totals = {2000, 10, 1400, 4},
    .threads = &thread,
    .thread_count = 1,
};

static const struct columns_wish plain = {.sort = COLUMN_USED};
static const struct columns_wish changed = {.with_change = true,
                                            .with_family = true,
                                            .with_namespace = true,
                                            .sort = COLUMN_USED};

static struct row row_of_process(void)
{
    return (struct row){.process = &process,
                        .growth_bytes = INT64_MIN,
                        .change_bytes = 1024,
                        .rate_bytes = READER_UNKNOWN,
                        .family_used_bytes = READER_UNKNOWN};
}

static void assert_shown(enum column_id id, const struct row *row,
                         const char *expected)
{
    char text[COLUMN_TEXT_BYTES];

    columns[id].format(text, row);
    assert_string_equal(text, expected);
}

static int width_of(const int widths[COLUMN_COUNT])
{
    int total = 0;

    for (int id = 0; id < COLUMN_COUNT; id++)
        total += widths[id] > 0 ? widths[id] + 1 : 0;
    return total - 1;
}

static void every_column_is_complete(void **state)
{
    (void)state;
    for (int id = 0; id < COLUMN_COUNT; id++) {
        assert_true(columns[id].name && columns[id].title && columns[id].help &&
                    columns[id].format);
        if (columns[id].title)
            assert_true(columns[id].width >= (int)strlen(columns[id].title));
        assert_true(columns[id].priority >= 1 &&
                    columns[id].priority <= COLUMN_COUNT);
        assert_int_equal(column_find(columns[id].name), id);
    }
    assert_int_equal(column_find("nonsense"), COLUMN_COUNT);
}

static void a_process_shows_its_figures(void **state)
{
    (void)state;
    struct row row = row_of_process();

    assert_shown(COLUMN_PID, &row, "11");
    assert_shown(COLUMN_STATE, &row, "S");
    assert_shown(COLUMN_USED, &row, "600 B");
    assert_shown(COLUMN_USE, &row, "60%");
    assert_shown(COLUMN_RESIDENT, &row, "-");
    assert_shown(COLUMN_GROWTH, &row, "-");
    assert_shown(COLUMN_CHANGE, &row, "+1.0 KiB");
    assert_shown(COLUMN_BLOCKS, &row, "6");
    assert_shown(COLUMN_THREADS, &row, "1");
    assert_shown(COLUMN_COMMAND, &row, "program --option");
}

static void a_thread_shows_its_own_figures_only(void **state)
{
    (void)state;
    struct row row = row_of_process();

    row.thread = &thread;
    assert_shown(COLUMN_PID, &row, "12");
    assert_shown(COLUMN_STATE, &row, "R");
    assert_shown(COLUMN_USED, &row, "");
    assert_shown(COLUMN_TOTAL, &row, "1.0 MiB");
    assert_shown(COLUMN_COMMAND, &row, "  worker");
}

static void a_dead_process_says_so(void **state)
{
    (void)state;
    struct reader_process dead = process;
    struct row row = row_of_process();

    dead.state = READER_DEAD;
    dead.command[0] = '\0';
    row.process = &dead;
    assert_shown(COLUMN_STATE, &row, "dead");
    dead.age_ms = READER_UNKNOWN;
    assert_shown(COLUMN_COMMAND, &row, "program");
    dead.age_ms = 192000;
    assert_shown(COLUMN_COMMAND, &row, "program (until 3 min 12 s ago)");
}

static void the_verdict_is_a_word_that_fits(void **state)
{
    (void)state;
    struct reader_process judged = process;
    struct row row = row_of_process();
    struct row of_thread = row_of_process();
    char text[COLUMN_TEXT_BYTES];

    assert_shown(COLUMN_VERDICT, &row, "-");
    row.process = &judged;
    for (int i = 0; i <= READER_VERDICT_OUTSIDE; i++) {
        const char *name = reader_verdict_name((enum reader_verdict)i);

        judged.verdict = (enum reader_verdict)i;
        columns[COLUMN_VERDICT].format(text, &row);
        assert_true((int)strlen(text) <= columns[COLUMN_VERDICT].width);
        assert_int_equal(strncmp(text, name ? name : "-", strlen(text)), 0);
    }
    of_thread.thread = &thread;
    assert_shown(COLUMN_VERDICT, &of_thread, "");
}

static void a_second_pid_is_shown_where_there_is_one(void **state)
{
    (void)state;
    struct reader_process contained = process;
    struct row own = row_of_process();
    struct row row = row_of_process();

    contained.pid_namespace = 4026531836;
    contained.namespace_pid = 3;
    row.process = &contained;
    assert_shown(COLUMN_NAMESPACE_PID, &own, "-");
    assert_shown(COLUMN_PID, &row, "11");
    assert_shown(COLUMN_NAMESPACE_PID, &row, "3");
    assert_true(column_order(COLUMN_NAMESPACE_PID, false, &own, &row) < 0);
    row.thread = &thread;
    assert_shown(COLUMN_NAMESPACE_PID, &row, "");
}

static void an_empty_account_is_no_division_by_zero(void **state)
{
    (void)state;
    struct reader_process empty = {.pid = 1};
    struct row row = row_of_process();

    row.process = &empty;
    assert_shown(COLUMN_USE, &row, "0%");
}

static void figures_sort_from_large_to_small(void **state)
{
    (void)state;
    struct reader_process other = process;
    struct row a = row_of_process();
    struct row b = row_of_process();

    other.used_bytes = 601;
    other.pid = 99;
    b.process = &other;
    assert_true(column_order(COLUMN_USED, false, &a, &b) > 0);
    assert_true(column_order(COLUMN_USED, true, &a, &b) < 0);
    assert_true(column_order(COLUMN_PID, false, &a, &b) < 0);
    assert_true(column_order(COLUMN_PID, true, &a, &b) > 0);
}

static void the_unknown_sorts_below_everything(void **state)
{
    (void)state;
    struct reader_process other = process;
    struct row a = row_of_process();
    struct row b = row_of_process();

    other.resident_bytes = 0;
    b.process = &other;
    assert_true(column_order(COLUMN_RESIDENT, false, &a, &b) > 0);
}

static void equals_sort_by_pid_either_way(void **state)
{
    (void)state;
    struct reader_process other = process;
    struct row a = row_of_process();
    struct row b = row_of_process();

    other.pid = 99;
    b.process = &other;
    assert_true(column_order(COLUMN_USED, false, &a, &b) < 0);
    assert_true(column_order(COLUMN_USED, true, &a, &b) < 0);
}

static void columns_fill_a_window_exactly(void **state)
{
    (void)state;
    int widths[COLUMN_COUNT];

    for (int width = 46; width < 300; width++) {
        columns_fit(width, width % 2 ? &changed : &plain, widths);
        assert_int_equal(width_of(widths), width);
    }
}

static void a_tiny_window_is_never_overrun(void **state)
{
    (void)state;
    int widths[COLUMN_COUNT];

    for (int width = 0; width < 46; width++) {
        columns_fit(width, &changed, widths);
        assert_true(width_of(widths) <= width);
    }
}

static void eighty_columns_show_what_matters(void **state)
{
    (void)state;
    static const enum column_id wanted[] = {
        COLUMN_PID,       COLUMN_STATE,    COLUMN_USED,
        COLUMN_ALLOCATED, COLUMN_RESIDENT, COLUMN_USE,
        COLUMN_VERDICT,   COLUMN_THREADS,  COLUMN_COMMAND};
    int widths[COLUMN_COUNT];

    columns_fit(80, &plain, widths);
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_true(widths[wanted[i]] > 0);
    assert_int_equal(widths[COLUMN_CHANGE], 0);
    columns_fit(80, &changed, widths);
    assert_true(widths[COLUMN_CHANGE] > 0);
}

static void a_wide_window_shows_all(void **state)
{
    (void)state;
    int widths[COLUMN_COUNT];

    columns_fit(250, &changed, widths);
    for (int id = 0; id < COLUMN_COUNT; id++)
        assert_true(widths[id] > 0);
}

static void the_column_that_is_sorted_by_is_always_there(void **state)
{
    (void)state;
    int widths[COLUMN_COUNT];

    for (enum column_id id = 0; id < COLUMN_COUNT; id++) {
        struct columns_wish wish = {.sort = id};

        if (!columns[id].compare || id == COLUMN_CHANGE)
            continue;
        columns_fit(80, &wish, widths);
        assert_true(widths[id] > 0);
        assert_true(widths[COLUMN_COMMAND] > 0);
    }
}

static void a_window_of_middling_width_has_the_history(void **state)
{
    (void)state;
    int widths[COLUMN_COUNT];

    columns_fit(80, &plain, widths);
    assert_int_equal(widths[COLUMN_HISTORY], 0);
    columns_fit(120, &plain, widths);
    assert_true(widths[COLUMN_HISTORY] > 0);
    assert_true(widths[COLUMN_COMMAND] >= 28);
    assert_int_equal(widths[COLUMN_NAMESPACE_PID], 0);
}

static void a_history_is_drawn_as_the_locale_allows(void **state)
{
    (void)state;
    static struct reader_point points[] = {{0, 1, 8, 8}, {1000, 4, 4, 8}};
    struct row row = row_of_process();

    process.history = points;
    process.history_count = 2;
    assert_shown(COLUMN_HISTORY, &row, "###############=");
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    assert_shown(COLUMN_HISTORY, &row, "███████████████▄");
    row.thread = &thread;
    assert_shown(COLUMN_HISTORY, &row, "");
    setlocale(LC_ALL, "C");
    process.history_count = 0;
    row.thread = NULL;
    assert_shown(COLUMN_HISTORY, &row, "-");
}

static void the_command_shows_its_branch(void **state)
{
    (void)state;
    struct row row = row_of_process();

    row.branch = (struct row_branch){.depth = 2, .lines = 2};
    assert_shown(COLUMN_COMMAND, &row, "|  `- program --option");
    row.branch = (struct row_branch){
        .depth = 1, .lines = 2, .is_parent = true, .folded = 7};
    assert_shown(COLUMN_COMMAND, &row, "|- [+7] program --option");
    row.thread = &thread;
    row.branch = (struct row_branch){.depth = 2, .lines = 4};
    assert_shown(COLUMN_COMMAND, &row, "   |    worker");
    row.thread = NULL;
    assert_non_null(setlocale(LC_ALL, "C.UTF-8"));
    row.branch = (struct row_branch){.depth = 2, .lines = 2};
    assert_shown(COLUMN_COMMAND, &row, "│  └─ program --option");
    row.branch =
        (struct row_branch){.depth = ROW_DEPTH_MAX, .lines = UINT64_MAX};
    char text[COLUMN_TEXT_BYTES];

    columns[COLUMN_COMMAND].format(text, &row);
    assert_non_null(strstr(text, "├─ program --option"));
    setlocale(LC_ALL, "C");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_column_is_complete),
        cmocka_unit_test(a_process_shows_its_figures),
        cmocka_unit_test(a_thread_shows_its_own_figures_only),
        cmocka_unit_test(a_dead_process_says_so),
        cmocka_unit_test(the_verdict_is_a_word_that_fits),
        cmocka_unit_test(a_second_pid_is_shown_where_there_is_one),
        cmocka_unit_test(an_empty_account_is_no_division_by_zero),
        cmocka_unit_test(figures_sort_from_large_to_small),
        cmocka_unit_test(the_unknown_sorts_below_everything),
        cmocka_unit_test(equals_sort_by_pid_either_way),
        cmocka_unit_test(columns_fill_a_window_exactly),
        cmocka_unit_test(a_tiny_window_is_never_overrun),
        cmocka_unit_test(eighty_columns_show_what_matters),
        cmocka_unit_test(a_wide_window_shows_all),
        cmocka_unit_test(the_column_that_is_sorted_by_is_always_there),
        cmocka_unit_test(a_window_of_middling_width_has_the_history),
        cmocka_unit_test(a_history_is_drawn_as_the_locale_allows),
        cmocka_unit_test(the_command_shows_its_branch),
    };

    return RUN(tests);
}
