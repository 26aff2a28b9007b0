/* Axes, verdicts over time, peaks, and texts that must not act. */
#include "plot/axis.h"
#include "plot/gnuplot.h"
#include "plot/stack.h"
#include "plot/story.h"
#include "plot/timeline.h"

#include <stdlib.h>
#include <string.h>

#include "common/classes.h"
#include "unit.h"

#define MIB (UINT64_C(1) << 20)
#define S   RECORDING_NS_PER_S

static struct recording recording;

static int begin(void **state)
{
    (void)state;
    recording = (struct recording){0};
    return 0;
}

static int end(void **state)
{
    (void)state;
    recording_fini(&recording);
    return 0;
}

static struct recording_entry *put(enum recording_kind kind, uint64_t time_ns,
                                   size_t classes)
{
    struct recording_entry entry;

    assert_int_equal(recording_entry_make(&entry, kind, time_ns, classes), 0);
    assert_int_equal(recording_add(&recording, entry), 0);
    return &recording.entries[recording.count - 1];
}

static void put_sample(uint64_t time_ns, enum reader_verdict verdict,
                       uint64_t used)
{
    struct recording_sample *sample = put(RECORDING_SAMPLE, time_ns, 0)->sample;

    sample->verdict = verdict;
    sample->figures[FIGURE_USED] = used;
    sample->least[FIGURE_USED] = used;
    sample->most[FIGURE_USED] = used;
    sample->most[FIGURE_RESIDENT] = READER_UNKNOWN;
}

/* ------------------------------------------------------------------ axes */

static void assert_axis(struct axis axis, double step, const char *at_step)
{
    char text[AXIS_TEXT_BYTES];

    assert_true(axis.step > step * 0.999 && axis.step < step * 1.001);
    assert_string_equal(axis_text(text, &axis, axis.step), at_step);
    assert_string_equal(axis_text(text, &axis, 0), "0");
}

static void tics_stand_at_round_sizes(void **state)
{
    (void)state;
    assert_axis(axis_of_bytes(100.0 * MIB), 20.0 * MIB, "20 MiB");
    assert_axis(axis_of_bytes(1.2 * MIB), 0.2 * MIB, "0.2 MiB");
    assert_axis(axis_of_bytes(700), 100, "100 B");
    assert_axis(axis_of_bytes(3000.0 * MIB), 0.5 * 1024 * MIB, "0.5 GiB");
    assert_axis(axis_of_bytes(0), 0.2, "0.2 B");
}

static void tics_stand_at_round_times(void **state)
{
    (void)state;
    assert_axis(axis_of_seconds(14.2), 2, "2 s");
    assert_axis(axis_of_seconds(0.02), 0.002, "0.002 s");
    assert_axis(axis_of_seconds(150), 15, "15 s");
    assert_axis(axis_of_seconds(600), 60, "1 min");
    assert_axis(axis_of_seconds(10000), 20 * 60, "20 min");
    assert_axis(axis_of_seconds(86400), 3 * 3600, "3 h");
    assert_axis(axis_of_seconds(30 * 86400.0), 5 * 86400.0, "5 d");
}

static void there_are_some_tics_and_never_many(void **state)
{
    (void)state;
    for (double most = 1e-3; most < 1e15; most *= 1.3) {
        struct axis bytes = axis_of_bytes(most);
        struct axis time = axis_of_seconds(most);

        assert_true(bytes.step > 0 && bytes.most / bytes.step <= 10.01);
        assert_true(time.step > 0 && time.most / time.step <= 10.01);
        assert_true(bytes.most / bytes.step > 2);
        assert_true(time.most / time.step > 2);
    }
}

/* -------------------------------------------------------------- verdicts */

static void assert_run(const struct verdict_run *run, uint64_t begin_s,
                       uint64_t end_s, enum reader_verdict verdict)
{
    assert_int_equal(run->begin_ns, begin_s * S);
    assert_int_equal(run->end_ns, end_s * S);
    assert_int_equal(run->verdict, verdict);
}

static void a_verdict_holds_until_another_is_known(void **state)
{
    (void)state;
    size_t count = 0;

    put_sample(1 * S, READER_VERDICT_IN_USE, 1);
    put_sample(2 * S, READER_VERDICT_UNKNOWN, 1);
    put_sample(3 * S, READER_VERDICT_IN_USE, 1);
    put_sample(4 * S, READER_VERDICT_UNRETURNED, 1);
    put_sample(9 * S, READER_VERDICT_UNKNOWN, 1);
    struct verdict_run *runs = verdict_runs(&recording, 0, &count);

    assert_int_equal(count, 2);
    assert_run(&runs[0], 0, 3, READER_VERDICT_IN_USE);
    assert_run(&runs[1], 3, 9, READER_VERDICT_UNRETURNED);
    free(runs);
}

static void a_short_verdict_goes_to_its_neighbour(void **state)
{
    (void)state;
    size_t count = 0;

    put_sample(1 * S, READER_VERDICT_OUTSIDE, 1);
    put_sample(10 * S, READER_VERDICT_IN_USE, 1);
    put_sample(11 * S, READER_VERDICT_FRAGMENTED, 1);
    put_sample(20 * S, READER_VERDICT_IN_USE, 1);
    struct verdict_run *runs = verdict_runs(&recording, 5 * S, &count);

    assert_int_equal(count, 1);
    assert_run(&runs[0], 0, 20, READER_VERDICT_IN_USE);
    free(runs);
}

static void without_a_verdict_there_is_none(void **state)
{
    (void)state;
    size_t count = 1;

    assert_null(verdict_runs(&recording, 0, &count));
    assert_int_equal(count, 0);
    put_sample(S, READER_VERDICT_UNKNOWN, 1);
    assert_null(verdict_runs(&recording, 0, &count));
}

/* ---------------------------------------------------------------- others */

static void the_peak_is_the_highest_that_is_known(void **state)
{
    (void)state;
    put_sample(1 * S, READER_VERDICT_IN_USE, 10);
    put_sample(2 * S, READER_VERDICT_IN_USE, 30);
    put_sample(3 * S, READER_VERDICT_IN_USE, 20);
    assert_int_equal(story_peak(&recording, FIGURE_USED)->time_ns, 2 * S);
    assert_null(story_peak(&recording, FIGURE_RESIDENT));
}

static void collections_in_gaps_are_counted(void **state)
{
    (void)state;
    struct recording_gc *gc = put(RECORDING_GC, S, 0)->gc;

    gc->collections = 3;
    gc->freed_bytes_sum = 100;
    gc->pause_ns_sum = 50;
    gc->event.pause_ns = 30;
    put(RECORDING_GAP, 2 * S, 0)->gap->collections = 40;
    struct story_gc all = story_gc(&recording);

    assert_int_equal(all.collections, 43);
    assert_int_equal(all.freed_bytes, 100);
    assert_int_equal(all.pause_ns, 50);
    assert_int_equal(all.pause_ns_most, 30);
}

static void a_title_is_not_cut_within_a_character(void **state)
{
    (void)state;
    char title[STORY_TITLE_BYTES];
    struct recording_process *process = put(RECORDING_PROCESS, 0, 0)->process;

    story_title(title, &recording, 100);
    assert_string_equal(title, " (pid 0)");
    process->pid = 7;
    (void)strcpy(process->command, "caf\u00e9 au lait");
    story_title(title, &recording, 4);
    assert_string_equal(title, "caf\u2026 (pid 7)");
    story_title(title, &recording, 5);
    assert_string_equal(title, "caf\u00e9\u2026 (pid 7)");
    story_title(title, &recording, 100);
    assert_string_equal(title, "caf\u00e9 au lait (pid 7)");
}

static void the_classes_that_took_up_most_are_layers(void **state)
{
    (void)state;
    uint64_t sizes[STACK_TOP_MAX];
    uint64_t bytes[STACK_TOP_MAX + 1];
    struct recording_classes *classes = put(RECORDING_CLASSES, S, 4)->classes;

    classes->count = 4;
    for (uint64_t i = 0; i < 4; i++)
        classes->classes[i] =
            (struct reader_class){.block_bytes = UINT64_C(16) << i,
                                  .used_blocks = 1,
                                  .capacity_blocks = 10,
                                  .reserved_blocks = i == 2 ? 1 : 10};
    assert_int_equal(stack_sizes(&recording, 2, sizes), 2);
    assert_int_equal(sizes[0], 32);
    assert_int_equal(sizes[1], 128);
    struct stack_layers layers = {.sizes = {32, 128}, .count = 2};

    stack_layers_of(&layers, classes, class_used_bytes, bytes);
    assert_int_equal(bytes[0], 32);
    assert_int_equal(bytes[1], 128);
    assert_int_equal(bytes[2], 16 + 64);
    stack_layers_of(&layers, classes, stack_room, bytes);
    assert_int_equal(bytes[1], 1280);
}

/* The script of the picture; the caller frees. */
static char *script_of(const struct recording *const recordings[], size_t count)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    assert_non_null(out);
    timeline_print(out, recordings, count);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void a_curve_shows_what_lay_between_two_samples(void **state)
{
    (void)state;
    const struct recording *const both[] = {&recording, &recording};

    put_sample(3 * S, READER_VERDICT_IN_USE, 1000);
    put_sample(6 * S, READER_VERDICT_IN_USE, 2000);
    put_sample(9 * S, READER_VERDICT_IN_USE, 3000);
    recording.entries[1].sample->least[FIGURE_USED] = 1500;
    recording.entries[2].sample->most[FIGURE_USED] = 7777;
    recording.entries[2].sample->least[FIGURE_USED] = 55;
    for (size_t count = 1; count <= 2; count++) {
        char *script = script_of(both, count);

        assert_non_null(strstr(script, "\n3.000000 1000\n"
                                       "6.000000 2000\n"
                                       "7.000000 7777\n"
                                       "8.000000 55\n"
                                       "9.000000 3000\n"));
        free(script);
    }
}

static void what_is_not_known_breaks_the_curve(void **state)
{
    (void)state;
    const struct recording *const one[] = {&recording};

    put_sample(1 * S, READER_VERDICT_IN_USE, 1000);
    put_sample(2 * S, READER_VERDICT_IN_USE, READER_UNKNOWN);
    put_sample(3 * S, READER_VERDICT_IN_USE, 3000);
    char *script = script_of(one, 1);

    assert_non_null(strstr(script, "1.000000 1000\n\n3.000000 3000\n"));
    free(script);
}

static void no_text_means_anything_to_gnuplot(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    assert_non_null(out);
    gnuplot_text(out, "a b\"'`$(x);\\-1\u00e9");
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text, "\"a b\\042\\047\\140\\044\\050x\\051\\073\\134"
                              "\\055\\061\u00e9\"");
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tics_stand_at_round_sizes),
        TEST(tics_stand_at_round_times),
        TEST(there_are_some_tics_and_never_many),
        TEST(a_verdict_holds_until_another_is_known),
        TEST(a_short_verdict_goes_to_its_neighbour),
        TEST(without_a_verdict_there_is_none),
        TEST(the_peak_is_the_highest_that_is_known),
        TEST(collections_in_gaps_are_counted),
        TEST(a_title_is_not_cut_within_a_character),
        TEST(the_classes_that_took_up_most_are_layers),
        TEST(a_curve_shows_what_lay_between_two_samples),
        TEST(what_is_not_known_breaks_the_curve),
        TEST(no_text_means_anything_to_gnuplot),
    };

    return RUN(tests);
}
