/* A click does what is drawn there. */
#include "top/mouse.h"

#include <stdio.h>
#include <string.h>

#include "fleet.h"
#include "top/view.h"
#include "unit.h"

enum { ROWS = 24, COLS = 80, ROW_TITLES = 4, ROW_LIST = 5, ROW_TABS = 2 };

#define MS UINT64_C(1000000)

static struct model model;
static struct canvas canvas;
static struct mouse mouse;
static uint64_t now_ns;

static void draw(void)
{
    canvas_fini(&canvas);
    assert_int_equal(canvas_init(&canvas, ROWS, COLS), 0);
    model_fit(&model, view_page_rows(&model, ROWS, COLS));
    view_draw(&model, &canvas);
}

static int begin(void **state)
{
    struct reader_survey survey = fleet(50, 0);

    (void)state;
    now_ns = 1000 * MS;
    mouse = (struct mouse){0};
    model_init(&model, &(struct choice){0});
    assert_int_equal(model_refresh(&model, &survey, 1), 0);
    draw();
    return 0;
}

static int end(void **state)
{
    (void)state;
    canvas_fini(&canvas);
    model_fini(&model);
    return 0;
}

static void click_after(uint64_t ms, int row, int col)
{
    now_ns += ms * MS;
    assert_int_equal(
        model_key(&model, mouse_key(&mouse, &canvas, row, col, now_ns)), 0);
    draw();
}

static void click(int row, int col)
{
    click_after(10000, row, col);
}

static void press(uint32_t key)
{
    assert_int_equal(model_key(&model, key), 0);
    draw();
}

/* The column where a text begins in a row. */
static int col_of(int row, const char *text)
{
    for (int col = 0; col + (int)strlen(text) <= COLS; col++) {
        size_t i = 0;

        while (text[i] && canvas.cells[row * COLS + col + (int)i].code ==
                              (unsigned char)text[i])
            i++;
        if (!text[i])
            return col;
    }
    fail_msg("no \"%s\" in row %d", text, row);
    return -1;
}

static uint32_t selected(void)
{
    return model_selected(&model)->process->pid;
}

static void a_click_selects_a_row(void **state)
{
    (void)state;
    click(ROW_LIST + 3, 70);
    assert_int_equal(selected(), 147);
    press(KEY_LAST);
    click(ROW_LIST, 0);
    assert_int_equal(model.list.selected, model.list.first);
}

static void a_click_on_a_title_sorts_and_another_inverts(void **state)
{
    (void)state;
    click(ROW_TITLES, col_of(ROW_TITLES, "PID"));
    assert_int_equal(model.sort, COLUMN_PID);
    assert_false(model.inverted);
    click(ROW_TITLES, col_of(ROW_TITLES, "PID"));
    assert_true(model.inverted);
    click(ROW_TITLES, col_of(ROW_TITLES, "ALLOC") + 4);
    assert_int_equal(model.sort, COLUMN_ALLOCATED);
    assert_false(model.inverted);
}

static void what_cannot_be_sorted_by_is_not(void **state)
{
    (void)state;
    press(KEY_COLUMN + COLUMN_HISTORY);
    press(KEY_COLUMN + COLUMN_COUNT);
    assert_int_equal(model.sort, COLUMN_USED);
}

static void a_double_click_opens_what_the_first_has_selected(void **state)
{
    (void)state;
    click(ROW_LIST + 3, 10);
    press('I'); /* another stands there now */
    click_after(MOUSE_DOUBLE_MS, ROW_LIST + 3, 10);
    assert_int_equal(model.screen, SCREEN_DETAIL);
    assert_int_equal(model.shown.process->pid, 147);
}

static void two_clicks_far_apart_open_nothing(void **state)
{
    (void)state;
    click(ROW_LIST + 3, 10);
    click_after(MOUSE_DOUBLE_MS + 1, ROW_LIST + 3, 10);
    click_after(1, ROW_LIST + 4, 10);
    assert_int_equal(model.screen, SCREEN_LIST);
    /* Nor do titles, which have been clicked on twice, of course. */
    click_after(1, ROW_TITLES, 5);
    click_after(1, ROW_TITLES, 5);
    assert_int_equal(model.screen, SCREEN_LIST);
}

static void every_label_at_the_bottom_can_be_clicked(void **state)
{
    (void)state;
    click(ROWS - 1, col_of(ROWS - 1, "F5Tree") + 3);
    assert_true(model.show_tree);
    click(ROWS - 1, col_of(ROWS - 1, "F5List"));
    assert_false(model.show_tree);
    click(ROWS - 1, col_of(ROWS - 1, "F4Filter"));
    assert_int_equal(model.prompt, PROMPT_FILTER);
    click(ROWS - 1, col_of(ROWS - 1, "EscClear"));
    assert_int_equal(model.prompt, PROMPT_NONE);
    click(ROWS - 1, col_of(ROWS - 1, "F1Help"));
    assert_int_equal(model.screen, SCREEN_HELP);
    click(ROWS - 1, col_of(ROWS - 1, "EscBack"));
    assert_int_equal(model.screen, SCREEN_LIST);
    click(ROWS - 1, col_of(ROWS - 1, "F10Quit") + 6);
    assert_true(model.quit);
}

static void a_double_click_chooses_the_column_to_sort_by(void **state)
{
    (void)state;
    click(ROWS - 1, col_of(ROWS - 1, "F6Sort"));
    assert_int_equal(model.screen, SCREEN_SORT);
    click(2 + 5, 20);
    assert_int_equal(model.screen, SCREEN_SORT);
    click_after(1, 2 + 5, 20);
    assert_int_equal(model.screen, SCREEN_LIST);
    assert_int_equal(model.sort, COLUMN_ALLOCATED);
}

static void a_click_on_a_tab_shows_its_panel(void **state)
{
    (void)state;
    press(KEY_RETURN);
    click(ROW_TABS, col_of(ROW_TABS, "Threads"));
    assert_int_equal(model.panel, PANEL_THREADS);
    click(ROW_LIST + 1, 3);
    assert_int_equal(model.panels[PANEL_THREADS].selected, 1);
    click(ROW_TABS, col_of(ROW_TABS, "GC"));
    assert_int_equal(model.panel, PANEL_GC);
}

static void a_question_is_answered_by_a_click(void **state)
{
    (void)state;
    press('R');
    click(ROWS - 1, col_of(ROWS - 1, "(y/n)") + 1);
    assert_true(model.trim.is_wanted);
    model.trim.is_wanted = false;
    press('R');
    click(ROW_LIST, 3); /* anything else is a no */
    assert_false(model.trim.is_wanted);
    assert_int_equal(model.prompt, PROMPT_NONE);
}

static void a_click_ends_the_typing(void **state)
{
    (void)state;
    press('/');
    press('1');
    click(ROW_LIST + 2, 3);
    assert_int_equal(model.prompt, PROMPT_NONE);
    assert_int_equal(selected(), 148);
    assert_string_equal(model.search, "1");
}

static void the_wheel_moves_the_window_and_keeps_the_selection_in_it(void **s)
{
    (void)s;
    press(KEY_WHEEL_DOWN);
    assert_int_equal(model.list.first, 3);
    assert_int_equal(model.list.selected, 3);
    for (int i = 0; i < 40; i++)
        press(KEY_WHEEL_DOWN);
    assert_int_equal(model.list.first, 50 - (ROWS - ROW_LIST - 1));
    press(KEY_WHEEL_UP);
    assert_int_equal(model.list.first, 50 - (ROWS - ROW_LIST - 1) - 3);
    press('h');
    press(KEY_WHEEL_DOWN);
    assert_int_equal(model.help.first, 3);
}

static void a_click_on_nothing_does_nothing(void **state)
{
    (void)state;
    click(3, 3);
    click(-1, 0);
    click(ROWS, 0);
    click(0, COLS);
    assert_int_equal(selected(), 150);
    assert_int_equal(model.screen, SCREEN_LIST);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_click_selects_a_row),
        TEST(a_click_on_a_title_sorts_and_another_inverts),
        TEST(what_cannot_be_sorted_by_is_not),
        TEST(a_double_click_opens_what_the_first_has_selected),
        TEST(two_clicks_far_apart_open_nothing),
        TEST(every_label_at_the_bottom_can_be_clicked),
        TEST(a_double_click_chooses_the_column_to_sort_by),
        TEST(a_click_on_a_tab_shows_its_panel),
        TEST(a_question_is_answered_by_a_click),
        TEST(a_click_ends_the_typing),
        TEST(the_wheel_moves_the_window_and_keeps_the_selection_in_it),
        TEST(a_click_on_nothing_does_nothing),
    };

    return RUN(tests);
}
