/* What stands on the screen, in windows of all sizes. */
#include "top/view.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "specimen.h"
#include "unit.h"

enum { LINE_BYTES = 1024 };

static const struct {
    int rows, cols;
} sizes[] = {{24, 80}, {40, 120}, {60, 200}};

#define SIZES (sizeof(sizes) / sizeof(sizes[0]))

static struct model model;
static struct canvas canvas;

static int begin(void **state)
{
    (void)state;
    model_init(&model, &(struct choice){0});
    strcpy(model.clock, "12:34:56");
    return 0;
}

static int end(void **state)
{
    (void)state;
    canvas_fini(&canvas);
    model_fini(&model);
    (void)setlocale(LC_ALL, "C.UTF-8");
    return 0;
}

static void refresh(struct reader_survey survey)
{
    assert_int_equal(model_refresh(&model, &survey, 1), 0);
}

static void draw(int rows, int cols)
{
    canvas_fini(&canvas);
    assert_int_equal(canvas_init(&canvas, rows, cols), 0);
    model_fit(&model, view_page_rows(&model, rows, cols));
    view_draw(&model, &canvas);
}

/* A row as text, without the blanks at its end. */
static const char *line(int row)
{
    static char text[LINE_BYTES];
    int length = 0;

    for (int col = 0; col < canvas.cols; col++) {
        uint32_t code = canvas.cells[row * canvas.cols + col].code;

        if (code != 0)
            text[length++] = code < 0x7f ? (char)code : '#';
    }
    while (length > 0 && text[length - 1] == ' ')
        length--;
    text[length] = '\0';
    return text;
}

static int row_with(const char *text)
{
    for (int row = 0; row < canvas.rows; row++) {
        if (strstr(line(row), text))
            return row;
    }
    return -1;
}

static int last_row_with(const char *text)
{
    int row = canvas.rows - 1;

    while (row >= 0 && !strstr(line(row), text))
        row--;
    return row;
}

static void assert_seen(const char *text)
{
    if (row_with(text) >= 0)
        return;
    for (int row = 0; row < canvas.rows; row++)
        print_error("|%s\n", line(row));
    fail_msg("\"%s\" is not on the screen", text);
}

static void assert_unseen(const char *text)
{
    assert_int_equal(row_with(text), -1);
}

static enum canvas_attr attr_of(int row)
{
    enum { LAST_OF_PID = 6 };

    return canvas.cells[row * canvas.cols + LAST_OF_PID].attr;
}

/* ------------------------------------------------------------------- list */

static void the_list_is_composed_in_every_window(void **state)
{
    (void)state;
    refresh(fleet(100, 1));
    for (size_t i = 0; i < SIZES; i++) {
        draw(sizes[i].rows, sizes[i].cols);
        assert_int_equal(
            strncmp(line(0), "gcshim-top - 100 processes (1 dead)", 35), 0);
        assert_non_null(strstr(line(0), "12:34:56"));
        assert_non_null(strstr(line(1), "allocated"));
        assert_non_null(strstr(line(2), "resident"));
        assert_non_null(strstr(line(4), "USED"));
        assert_non_null(strstr(line(4), "COMMAND"));
        assert_int_equal(strlen(line(4)) <= (size_t)sizes[i].cols, 1);
        /* Processes fill the page, the bar of keys closes it. */
        assert_non_null(strstr(line(sizes[i].rows - 2), "program-"));
        assert_non_null(strstr(line(sizes[i].rows - 1), "F1Help"));
        assert_non_null(strstr(line(sizes[i].rows - 1), "F10Quit"));
    }
}

static void a_wide_window_shows_more_columns(void **state)
{
    (void)state;
    refresh(fleet(3, 0));
    draw(24, 80);
    assert_unseen("BLOCKS");
    draw(60, 200);
    assert_seen("BLOCKS");
    assert_seen("USER");
    assert_seen("PEAK");
}

static void figures_stand_under_their_titles(void **state)
{
    (void)state;
    refresh(fleet(1, 0));
    draw(24, 80);
    const char *title = strstr(line(4), "USED");
    ptrdiff_t end_of_title = title + 4 - line(4);
    const char *figure = strstr(line(5), "101.0 MiB");

    assert_non_null(figure);
    assert_int_equal(figure + 9 - line(5), end_of_title);
}

static void the_dead_are_dim_and_the_selected_stands_out(void **state)
{
    (void)state;
    refresh(fleet(3, 1));
    draw(24, 80);
    assert_int_equal(attr_of(row_with("program-103")), ATTR_SELECTED);
    model_key(&model, KEY_ARROW_DOWN);
    draw(24, 80);
    assert_int_equal(attr_of(row_with("program-103")), ATTR_DIM);
    assert_non_null(strstr(line(row_with("program-103")), "dead"));
    assert_int_equal(attr_of(row_with("program-102")), ATTR_SELECTED);
}

static void a_history_in_the_list_has_the_colour_of_a_bar(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(2, 1);

    for (int i = 0; i < 2; i++) {
        survey.processes[i].history = calloc(1, sizeof(struct reader_point));
        assert_non_null(survey.processes[i].history);
        survey.processes[i].history_count = 1;
        survey.processes[i].history[0] = (struct reader_point){1, 1, 1, 1};
    }
    refresh(survey);
    model_key(&model, 'N');
    draw(40, 120);
    model_key(&model, KEY_ARROW_DOWN);
    ptrdiff_t col = strstr(line(4), "HISTORY") - line(4);

    draw(40, 120);
    for (int row = 5; row < 7; row++) {
        const struct cell *cell = &canvas.cells[row * 120 + (int)col];

        assert_int_equal(cell->code, 0x2588);
        assert_int_equal(cell->attr, row == 5 ? ATTR_BAR : ATTR_SELECTED);
    }
}

static void an_empty_list_says_what_to_do(void **state)
{
    (void)state;
    refresh(fleet(0, 0));
    draw(24, 80);
    assert_seen("No process runs under gcshim.");
    assert_seen("gcshim-run");
}

static void refusals_are_counted_and_listed_in_the_help(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(1, 0);

    survey.refusals = calloc(1, sizeof(*survey.refusals));
    survey.refusal_count = 1;
    strcpy(survey.refusals[0].segment, "gcshim.666");
    strcpy(survey.refusals[0].reason, "is a symbolic link");
    refresh(survey);
    draw(24, 80);
    assert_seen("1 file refused (F1)");
    model_key(&model, 'h');
    draw(24, 80);
    model_key(&model, KEY_LAST);
    draw(24, 80);
    assert_seen("gcshim.666 is a symbolic link");
}

static void pause_filter_and_baseline_are_seen(void **state)
{
    (void)state;
    refresh(fleet(3, 0));
    model_key(&model, 'Z');
    model_key(&model, 'z');
    model_key(&model, '\\');
    model_key(&model, '1');
    draw(24, 80);
    assert_seen("paused");
    assert_seen("CHANGE");
    assert_seen("Filter: 1");
    model_key(&model, KEY_RETURN);
    draw(24, 80);
    assert_seen("filter \"1\"");
}

/* ----------------------------------------------------------------- detail */

/* A fleet of one, in a container; dead if so. */
static struct reader_survey contained(int dead)
{
    struct reader_survey survey = fleet(1, dead);

    survey.processes[0].pid_namespace = 4026531836;
    survey.processes[0].namespace_pid = dead ? 101 : 7;
    return survey;
}

static void a_process_in_a_container_has_both_its_pids(void **state)
{
    (void)state;
    refresh(contained(0));
    model_key(&model, KEY_RETURN);
    draw(24, 80);
    assert_seen("pid 101 (7 in its namespace), parent 1, user root, live");
    refresh(contained(1));
    draw(24, 80);
    assert_seen("pid 101 in its namespace, parent 1, user root, dead");
}

static struct reader_survey one(struct reader_process process)
{
    struct reader_survey survey = {.process_count = 1};

    survey.processes = calloc(1, sizeof(*survey.processes));
    assert_non_null(survey.processes);
    survey.processes[0] = process;
    return survey;
}

static void the_overview_is_composed_in_every_window(void **state)
{
    (void)state;
    refresh(one(specimen()));
    model_key(&model, KEY_RETURN);
    for (size_t i = 0; i < SIZES; i++) {
        draw(sizes[i].rows, sizes[i].cols);
        assert_seen("python3 server.py");
        assert_seen("pid 4711, parent 1, user root, live");
        assert_seen(" 1 Overview   2 Threads ");
        assert_seen("used         200.0 MiB   peak      250.0 MiB");
        assert_seen("allocated    256.0 MiB   peak      300.0 MiB");
        assert_seen("handed out    1000 MiB   blocks      100,000");
        assert_seen("still in use 200.0 MiB   blocks       14,000");
        assert_seen("[UUUUUUUU");
        assert_seen("  U in use       ~ 198.0 MiB   77.3%");
        assert_seen("from malloc      240.0 MiB   96.0%");
        assert_seen("  ~ counted 1.2 s ago; 3.0 MiB went through malloc");
        assert_seen("verdict: unreturned");
        assert_seen("gcshim-ctl 4711");
        assert_seen("baseline 5 min 12 s ago: used +20.0 MiB, alloc 0 B, "
                    "resident -2.0 MiB");
        assert_non_null(strstr(line(sizes[i].rows - 1), "EscBack"));
    }
    assert_seen("wholly free: could be given back");
}

static void the_bar_shows_the_parts_by_letter_and_attribute(void **state)
{
    (void)state;
    refresh(one(specimen()));
    model_key(&model, KEY_RETURN);
    draw(24, 80);
    int row = row_with("[UUU");
    const struct cell *cells = &canvas.cells[row * canvas.cols];

    assert_int_equal(strspn(line(row), " ["), 3);
    assert_int_equal(strspn(line(row) + 3, "UOFRH"), 74);
    assert_int_equal(cells[3].attr, ATTR_PART);
    assert_int_equal(cells[3 + 73].code, 'H');
    assert_int_equal(cells[3 + 73].attr, ATTR_PART_LAST);
    /* The legend has the same. */
    cells = &canvas.cells[row_with("H overhead") * canvas.cols];
    assert_int_equal(cells[2].attr, ATTR_PART_LAST);
}

static void what_was_not_counted_is_a_dash_and_a_question(void **state)
{
    (void)state;
    refresh(one(specimen_uncounted()));
    model_key(&model, KEY_RETURN);
    draw(24, 80);
    assert_seen("UUU????");
    assert_seen("F fragmented             -       -");
    assert_seen("no thread has counted its pages yet");
    assert_seen("verdict: -");
    assert_unseen("baseline");
    model_key(&model, '3');
    draw(24, 80);
    assert_seen("No thread has counted its pages yet.");
}

/* So many points, used growing to half of what is allocated. */
static struct reader_process with_history(size_t count)
{
    struct reader_process process = specimen();
    struct reader_point *points = calloc(count + 1, sizeof(*points));

    assert_non_null(points);
    for (size_t i = 0; i < count; i++)
        points[i] = (struct reader_point){
            .time_ns = (i + 1) * UINT64_C(1000000000),
            .used_bytes = (i + 1) * 1000 / count,
            .allocated_bytes = 2000,
        };
    free(process.history);
    process.history = points;
    process.history_count = count;
    return process;
}

static void a_history_is_a_line_where_there_is_no_room_for_more(void **state)
{
    (void)state;
    setlocale(LC_ALL, "C");
    refresh(one(with_history(61)));
    model_key(&model, KEY_RETURN);
    draw(24, 80);
    int row = row_with("  history      ");

    assert_true(row > 0);
    /* From next to nothing to a half, as far as the margin. */
    assert_int_equal(line(row)[15], '.');
    assert_int_equal(strlen(line(row)), 78);
    assert_int_equal(line(row)[77], '=');
    assert_int_equal(canvas.cells[row * canvas.cols + 77].attr, ATTR_BAR);
}

static void a_history_is_an_area_where_there_is_room(void **state)
{
    (void)state;
    setlocale(LC_ALL, "C");
    refresh(one(with_history(61)));
    model_key(&model, KEY_RETURN);
    for (size_t i = 1; i < SIZES; i++) {
        draw(sizes[i].rows, sizes[i].cols);
        int title = row_with("history of 1 min 0 s: # used, . allocated");
        int top = row_with("  2.0 KiB ");
        int ground = last_row_with("          0 ");
        int last = sizes[i].cols - 3;

        assert_int_equal(top, title + 1);
        assert_true(ground > top && ground < sizes[i].rows - 2);
        assert_int_equal(line(top)[last], '.');
        assert_int_equal(line(ground)[last], '#');
        /* Half of the rows are used at the end, none but little at first. */
        int used = 0;

        for (int row = top; row <= ground; row++)
            used += line(row)[last] == '#';
        assert_int_equal(used, (ground - top + 1) / 2);
        assert_int_equal(line(top)[12], '.');
        assert_int_not_equal(line(ground)[12], '#');
    }
}

static void a_history_is_drawn_in_blocks_where_there_are_some(void **state)
{
    (void)state;
    refresh(one(with_history(61)));
    model_key(&model, KEY_RETURN);
    draw(40, 120);
    int top = row_with("  2.0 KiB ");
    int ground = last_row_with("          0 ");

    assert_int_equal(canvas.cells[ground * 120 + 117].code, 0x2588);
    assert_int_equal(canvas.cells[top * 120 + 117].code, 0x2591);
    assert_int_equal(canvas.cells[top * 120 + 117].attr, ATTR_DIM);
}

static void without_a_history_none_is_drawn(void **state)
{
    (void)state;
    for (size_t count = 0; count < 2; count++) {
        refresh(one(with_history(count)));
        model_key(&model, KEY_RETURN);
        for (size_t i = 0; i < SIZES; i++) {
            draw(sizes[i].rows, sizes[i].cols);
            assert_unseen("history");
        }
    }
}

static void each_panel_has_its_table(void **state)
{
    (void)state;
    refresh(one(specimen()));
    model_key(&model, '2');
    for (size_t i = 0; i < SIZES; i++) {
        model_key(&model, '2');
        draw(sizes[i].rows, sizes[i].cols);
        assert_non_null(strstr(line(4), "OWNED"));
        assert_seen("4711 S python3         900.0 MiB");
        assert_seen("worker-2");
        model_key(&model, '3');
        draw(sizes[i].rows, sizes[i].cols);
        assert_non_null(strstr(line(5), "48 B    12,331"));
        assert_non_null(strstr(line(5), "3% .........."));
        assert_non_null(strstr(line(6), "99% ||||||||||"));
        model_key(&model, '4');
        draw(sizes[i].rows, sizes[i].cols);
        assert_seen("0x7f0000000000  64.0 MiB     32%    4 min 10 s");
        assert_seen("4712 worker-1");
    }
    draw(40, 120);
    assert_seen(" 2 Threads (3)   3 Size classes (14)   4 Huge blocks (2) "
                "  5 Call sites   6 GC (12)");
    draw(24, 80);
    assert_seen(" 4 Huge blocks   5 Call sites   6 GC");
}

static void call_sites_stand_by_their_innermost_functions(void **state)
{
    (void)state;
    static struct sites_line line_of_one = {.function = "load", .place = ""};
    static struct reader_site list[] = {
        {.number = 12,
         .live_samples = 3,
         .live_bytes = {3 << 20, 0},
         .live_blocks = {3, 0},
         .total_bytes = {90 << 20, 1e12},
         .oldest_ms = 250000},
        {.number = 9, .live_samples = 1, .live_bytes = {1 << 20, 1099511627776}},
        {.number = 7, .oldest_ms = READER_UNKNOWN}, /* nothing lives */
    };
    struct sites_entry entries[] = {
        {.site = &list[0], .lines = &line_of_one, .line_count = 1},
        {.site = &list[1]},
        {.site = &list[2]},
    };
    struct sites sites = {.entries = entries, .count = 3};

    refresh(one(specimen()));
    model_key(&model, '5');
    draw(24, 80);
    assert_seen("gcshim-ctl PID profile on");
    model_sites_set(&model, &sites);
    draw(24, 80);
    assert_seen("   12   3.0 MiB  90.0 MiB    4 min 10 s load");
    assert_seen("    9   1.0 MiB");
    assert_seen("(no stack)");
    assert_unseen("    7 ");
    draw(40, 120);
    assert_seen(" 5 Call sites (2) ");
    assert_seen("3.0 MiB exact ");
    assert_seen("1.0 MiB 25.9 KiB to 5.6 MiB");
    model_sites_set(&model, NULL);
    draw(24, 80);
    assert_unseen("load");
}

static void the_collections_have_words_above_their_table(void **state)
{
    (void)state;
    refresh(one(specimen()));
    model_key(&model, '6');
    for (size_t i = 0; i < SIZES; i++) {
        draw(sizes[i].rows, sizes[i].cols);
        assert_string_equal(line(4), "collections of cpython 3.11 (pace)");
        assert_string_equal(line(5),
                            "  generation 0: 11, 1: 0, 2: 1 collections");
        assert_int_equal(row_with("goal 344.0 MiB, the last whole"), 8);
        assert_int_equal(row_with("BEFORE     AFTER     FREED"), 10);
        assert_non_null(strstr(line(11), "       1.0 s   2    8.4 ms 200.0 MiB"
                                         " 189.0 MiB  11.0 MiB       11,000 "
                                         "request"));
        assert_non_null(strstr(line(sizes[i].rows - 1), "EscBack"));
    }
}

static void the_last_collection_of_the_list_can_be_reached(void **state)
{
    (void)state;
    refresh(one(specimen()));
    model_key(&model, '6');
    draw(16, 80); /* four of twelve have room */
    assert_int_equal(row_with("      12.0 s"), -1);
    model_key(&model, KEY_LAST);
    draw(16, 80);
    assert_int_equal(row_with("      12.0 s"), 14);
    assert_int_equal(row_with("       9.0 s"), 11);
}

static void without_a_runtime_it_is_said_what_that_takes(void **state)
{
    (void)state;
    struct reader_process process = specimen();

    process.gc.is_there = false;
    process.gc.event_count = 0;
    refresh(one(process));
    model_key(&model, '6');
    draw(24, 80);
    assert_seen("GCSHIM_GC=observe or pace");
    assert_unseen("BEFORE");
    process = specimen();
    process.gc.is_blind = true;
    process.gc.event_count = 0;
    refresh(one(process));
    draw(24, 80);
    assert_seen("keeps its objects in an allocator of its own");
    assert_unseen("BEFORE");
}

static void what_has_no_room_in_a_list_is_counted_below_it(void **state)
{
    (void)state;
    struct reader_process process = specimen();

    process.huge_unlisted = 1234;
    process.dropped = 2;
    refresh(one(process));
    model_key(&model, '4');
    draw(24, 80);
    assert_int_equal(row_with("and 1,234 more, which had no room in the list"),
                     7);
    model_key(&model, '2');
    draw(24, 80);
    assert_seen("and 2 more, which have no account of their own");
}

static void a_question_stands_in_the_bottom_line(void **state)
{
    (void)state;
    refresh(fleet(3, 0));
    model_key(&model, 'R');
    draw(24, 80);
    assert_string_equal(line(23), "Have process 103 give back what memory it "
                                  "can? (y/n)");
    model_key(&model, 'n');
    draw(24, 80);
    assert_non_null(strstr(line(23), "F1Help"));
}

static void what_a_dead_process_lacks_is_a_dash(void **state)
{
    (void)state;
    refresh(fleet(3, 1));
    model_key(&model, KEY_RETURN);
    draw(24, 80);
    assert_seen("dead: its last figures");
    assert_seen("resident             -   rss               -");
}

/* ------------------------------------------------------------------- work */

/* With a thousand processes and more, what a key costs must not depend on how
 * many there are: who looks at a row outside of the window, crashes. */
static void only_the_rows_in_the_window_are_looked_at(void **state)
{
    (void)state;
    enum { ROWS = 24, COLS = 80, PAGE = ROWS - 6 };
    static const uint32_t keys[] = {KEY_ARROW_DOWN, KEY_ARROW_UP,
                                    KEY_WHEEL_DOWN, KEY_ROW + 3};

    refresh(fleet(3000, 0));
    model_key(&model, 'H');
    model_key(&model, KEY_PAGE_DOWN);
    draw(ROWS, COLS);
    assert_int_equal(model.list.count, 9000);

    struct row *rows = model.list.rows;
    struct row *kept = calloc(model.list.count, sizeof(*kept));

    assert_non_null(kept);
    for (size_t key = 0; key < sizeof(keys) / sizeof(keys[0]); key++) {
        memcpy(kept, rows, model.list.count * sizeof(*rows));
        size_t first = model.list.first > 4 ? model.list.first - 4 : 0;

        for (size_t i = 0; i < model.list.count; i++) {
            if (i < first || i >= model.list.first + PAGE + 4)
                rows[i] = (struct row){0};
        }
        model_key(&model, keys[key]);
        assert_ptr_equal(model.list.rows, rows); /* nothing was built anew */
        draw(ROWS, COLS);
        memcpy(rows, kept, model.list.count * sizeof(*rows));
    }
    free(kept);
}

/* ------------------------------------------------------------------- help */

static void the_whole_help_can_be_read_in_every_window(void **state)
{
    (void)state;
    refresh(fleet(1, 0));
    model_key(&model, 'h');
    for (size_t i = 0; i < SIZES; i++) {
        model_key(&model, KEY_FIRST);
        draw(sizes[i].rows, sizes[i].cols);
        assert_seen("sort by memory used");
        for (int page = 0; page < 5; page++) {
            model_key(&model, KEY_PAGE_DOWN);
            draw(sizes[i].rows, sizes[i].cols);
        }
        assert_seen("0 refused");
        assert_unseen("more below");
    }
}

/* ------------------------------------------------------------- any window */

static void no_window_is_too_small_to_be_drawn(void **state)
{
    (void)state;
    refresh(one(specimen()));
    for (int screen = 0; screen < 7; screen++) {
        for (int rows = 1; rows < 30; rows++) {
            for (int cols = 1; cols < 100; cols += 7)
                draw(rows, cols);
        }
        model_key(&model, (uint32_t) "12346h"[screen < 6 ? screen : 0]);
    }
    draw(3, 40);
    assert_seen("window too small");
}

static void a_name_cannot_reach_beyond_its_cells(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(1, 0);
    char *command = survey.processes[0].command;

    memset(command, 0, READER_COMMAND_BYTES);
    for (int i = 0; i < READER_COMMAND_BYTES - 1; i++)
        command[i] = "\xe4\xb8\xad"[i % 3]; /* two columns each */
    refresh(survey);
    for (int cols = 60; cols < 64; cols++) {
        draw(24, cols);
        /* No right half of a character stands at the left edge. */
        for (int row = 0; row < canvas.rows; row++)
            assert_true(canvas.cells[(size_t)row * (size_t)cols].code != 0);
    }
}

static void no_control_character_reaches_the_canvas(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(1, 0);

    strcpy(survey.processes[0].command, "a\x1b[31mb\x9b\n\xc2\x9bz");
    refresh(survey);
    draw(24, 80);
    for (int i = 0; i < canvas.rows * canvas.cols; i++) {
        uint32_t code = canvas.cells[i].code;

        assert_true(code == 0 || (code >= ' ' && code < 0x7f) || code >= 0xa0);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_list_is_composed_in_every_window),
        TEST(a_wide_window_shows_more_columns),
        TEST(figures_stand_under_their_titles),
        TEST(the_dead_are_dim_and_the_selected_stands_out),
        TEST(a_history_in_the_list_has_the_colour_of_a_bar),
        TEST(an_empty_list_says_what_to_do),
        TEST(refusals_are_counted_and_listed_in_the_help),
        TEST(pause_filter_and_baseline_are_seen),
        TEST(a_process_in_a_container_has_both_its_pids),
        TEST(the_overview_is_composed_in_every_window),
        TEST(the_bar_shows_the_parts_by_letter_and_attribute),
        TEST(what_was_not_counted_is_a_dash_and_a_question),
        TEST(a_history_is_a_line_where_there_is_no_room_for_more),
        TEST(a_history_is_an_area_where_there_is_room),
        TEST(a_history_is_drawn_in_blocks_where_there_are_some),
        TEST(without_a_history_none_is_drawn),
        TEST(each_panel_has_its_table),
        TEST(call_sites_stand_by_their_innermost_functions),
        TEST(the_collections_have_words_above_their_table),
        TEST(the_last_collection_of_the_list_can_be_reached),
        TEST(without_a_runtime_it_is_said_what_that_takes),
        TEST(what_has_no_room_in_a_list_is_counted_below_it),
        TEST(a_question_stands_in_the_bottom_line),
        TEST(what_a_dead_process_lacks_is_a_dash),
        TEST(only_the_rows_in_the_window_are_looked_at),
        TEST(the_whole_help_can_be_read_in_every_window),
        TEST(no_window_is_too_small_to_be_drawn),
        TEST(a_name_cannot_reach_beyond_its_cells),
        TEST(no_control_character_reaches_the_canvas),
    };

    (void)setlocale(LC_ALL, "C.UTF-8");
    return RUN(tests);
}
