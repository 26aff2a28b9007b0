/* What is said of the collections of a runtime. */
#include "common/gc.h"

#include <string.h>

#include "common/size.h"
#include "specimen.h"
#include "unit.h"

static struct reader_process process;

static int begin(void **state)
{
    (void)state;
    process = specimen();
    return 0;
}

static int end(void **state)
{
    (void)state;
    reader_process_fini(&process);
    return 0;
}

static void assert_line(int line, const char *expected)
{
    char text[GC_TEXT_BYTES];

    if (!expected) {
        assert_null(gc_line(text, &process.gc, line));
        return;
    }
    assert_non_null(gc_line(text, &process.gc, line));
    assert_string_equal(text, expected);
}

static void all_collections_together_take_four_lines(void **state)
{
    (void)state;
    assert_line(0, "generation 0: 11, 1: 0, 2: 1 collections");
    assert_line(1, "freed 66.0 MiB in all, 66,000 objects");
    assert_line(2, "pause 8.4 ms the last, 8.4 ms the longest, 54.6 ms in all");
    assert_line(3, "goal 344.0 MiB, the last whole one left 189.0 MiB; asked 1"
                   " time");
    assert_line(4, NULL);
}

static void without_a_pacer_there_is_no_goal(void **state)
{
    (void)state;
    process.gc.goal_bytes = READER_UNKNOWN;
    assert_line(3, NULL);
}

static void before_the_first_whole_one_there_is_only_the_goal(void **state)
{
    (void)state;
    process.gc.baseline_bytes = READER_UNKNOWN;
    process.gc.asked = 0;
    assert_line(3, "goal 344.0 MiB; asked 0 times");
}

static void what_cannot_be_seen_is_told_in_one_sentence(void **state)
{
    (void)state;
    process.gc.is_blind = true;
    strcpy(process.gc.runtime, "cpython 3.13t");
    assert_line(0, "cpython 3.13t keeps its objects in an allocator of its "
                   "own: they are not among the bytes used, and its "
                   "collections cannot be seen");
    assert_line(1, NULL);
    assert_line(3, NULL);
}

static void the_longest_lines_fit(void **state)
{
    (void)state;
    char text[GC_TEXT_BYTES];
    char whole[GC_TEXT_BYTES];
    struct reader_gc *gc = &process.gc;

    memset(gc->runtime, 'x', sizeof(gc->runtime) - 1);
    for (size_t i = 0; i < READER_GC_GENERATIONS; i++)
        gc->collections[i] = UINT64_MAX - 1;
    gc->pause_ns_total = gc->pause_ns_max = gc->pause_ns_last = UINT64_MAX - 1;
    gc->asked = UINT64_MAX - 1;
    gc->is_blind = true;
    assert_true(strlen(gc_line(text, gc, 0)) + 1 < sizeof(whole));
    assert_non_null(strstr(text, "cannot be seen"));
    gc->is_blind = false;
    assert_non_null(strstr(gc_line(text, gc, 0), " collections"));
    assert_non_null(strstr(gc_line(text, gc, 2), " in all"));
    assert_non_null(strstr(gc_line(text, gc, 3), " times"));
    assert_int_equal(gc_collections(gc), READER_UNKNOWN);
}

static void a_title_has_runtime_and_mode(void **state)
{
    (void)state;
    char text[GC_TEXT_BYTES];

    assert_string_equal(gc_title(text, &process.gc), "cpython 3.11 (pace)");
    process.gc.mode = READER_GC_MODE_UNKNOWN;
    assert_string_equal(gc_title(text, &process.gc), "cpython 3.11 (-)");
    process.gc.runtime[0] = '\0';
    assert_string_equal(gc_title(text, &process.gc), "a runtime of its own");
}

static void the_outcome_of_one_is_a_phrase(void **state)
{
    (void)state;
    char text[GC_TEXT_BYTES];
    struct reader_gc_event *event = &process.gc.events[11];

    event->pause_ns = 2345678;
    assert_string_equal(gc_outcome(text, &process.gc, event),
                        "used 200.0 MiB -> 189.0 MiB in 2.3 ms (cpython 3.11)");
    assert_int_equal(gc_freed(event), 11 << 20);
    event->used_after = event->used_before + 1;
    assert_int_equal(gc_freed(event), 0);
}

static void it_is_told_who_asked(void **state)
{
    (void)state;
    struct reader_gc_event event = {0};

    assert_string_equal(gc_asker(&event), "runtime");
    event.asked_by = READER_GC_BY_PACER;
    assert_string_equal(gc_asker(&event), "pacer");
    event.asked_by = READER_GC_BY_LIMIT;
    assert_string_equal(gc_asker(&event), "limit");
    event.asked_by = READER_GC_BY_REQUEST;
    assert_string_equal(gc_asker(&event), "request");
    assert_int_equal(gc_collections(&process.gc), 12);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_collections_together_take_four_lines),
        TEST(without_a_pacer_there_is_no_goal),
        TEST(before_the_first_whole_one_there_is_only_the_goal),
        TEST(what_cannot_be_seen_is_told_in_one_sentence),
        TEST(the_longest_lines_fit),
        TEST(a_title_has_runtime_and_mode),
        TEST(the_outcome_of_one_is_a_phrase),
        TEST(it_is_told_who_asked),
    };

    return RUN(tests);
}
