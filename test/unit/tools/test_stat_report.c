/* The report of one process, line by line. */
#include "stat/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "specimen.h"
#include "unit.h"

static char *text;

/* Runs of blanks become one: tests say what is told, not where it stands. */
static void squeeze(char *line)
{
    char *to = line;

    for (const char *from = line; *from; from++) {
        if (*from != ' ' || from[1] != ' ')
            *to++ = *from;
    }
    *to = '\0';
}

/* Prints the process and releases it. */
static void report(struct reader_process process, bool all)
{
    struct report_options options = {.all = all, .utf8 = false};
    size_t size = 0;

    free(text);
    text = NULL;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    assert_int_equal(report_print(out, &process, &options), 0);
    assert_int_equal(fclose(out), 0);
    reader_process_fini(&process);
}

static void report_squeezed(struct reader_process process, bool all)
{
    report(process, all);
    squeeze(text);
}

static int end(void **state)
{
    (void)state;
    free(text);
    text = NULL;
    return 0;
}

static void assert_told(const char *line)
{
    if (!strstr(text, line))
        fail_msg("\"%s\" is not in:\n%s", line, text);
}

static void assert_untold(const char *line)
{
    if (strstr(text, line))
        fail_msg("\"%s\" is in:\n%s", line, text);
}

static void used_and_allocated_stand_first_with_their_parts(void **state)
{
    (void)state;
    report_squeezed(specimen(), false);
    assert_told("python3 (pid 4711), live\n"
                "python3 server.py --port 8080\n");
    assert_told("memory used 200.0 MiB peak 250.0 MiB in 14,000 blocks\n"
                " in pages of small blocks 100.0 MiB\n"
                " in huge blocks 100.0 MiB in 2 blocks\n");
    assert_told("memory allocated 256.0 MiB peak 300.0 MiB as of 0.2 s ago\n"
                " in pages of small blocks ~ 124.0 MiB\n"
                " in huge blocks 100.0 MiB in 2 blocks\n"
                " in wholly free pages ~ 32.0 MiB\n");
}

static void the_bill_adds_up_beside_the_resident(void **state)
{
    (void)state;
    report_squeezed(specimen(), false);
    assert_told(" U in use ~ 198.0 MiB 77.3% from malloc ");
    assert_told(" O orphaned ~ 2.0 MiB 0.8% stacks ");
    assert_told(" C cached 0 B 0.0% JIT code ");
    assert_told(" allocated 256.0 MiB 100.0% resident ");
    assert_told("250.0 MiB 100.0%\n");
    assert_told("~ counted 1.2 s ago; 3.0 MiB went through malloc since\n");
}

static void the_worst_size_class_stands_first(void **state)
{
    (void)state;
    report_squeezed(specimen(), false);
    assert_told(" free\n"
                " 48 B 12,331 0 2 13,000 3% 19.2 MiB\n");
}

static void a_table_is_cut_short_unless_all_is_asked_for(void **state)
{
    (void)state;
    report_squeezed(specimen(), false);
    assert_told(" and 4 more (--all shows them)\n");
    report_squeezed(specimen(), true);
    assert_untold("(--all");
    assert_told(" 224 B ");
}

static void huge_blocks_say_who_asked_for_them_and_when(void **state)
{
    (void)state;
    struct reader_process process = specimen();

    process.huge_unlisted = 1234;
    report_squeezed(process, false);
    assert_told(" 0x7f0000000000 64.0 MiB 4 min 10 s 4711 python3\n");
    assert_told(" 1,234 more had no room in the list\n");
}

static void a_thread_that_has_not_counted_has_dashes(void **state)
{
    (void)state;
    report_squeezed(specimen(), false);
    assert_told(" 4712 R worker-1 80.0 MiB 38.0 MiB 32.0 MiB 400 0.3 s\n");
    assert_told(" 4713 S worker-2 20.0 MiB - - - -\n");
}

static void collections_have_a_section_the_latest_first(void **state)
{
    (void)state;
    report_squeezed(specimen(), false);
    assert_told("\ncollections of cpython 3.11 (pace)\n"
                " generation 0: 11, 1: 0, 2: 1 collections\n"
                " freed 66.0 MiB in all, 66,000 objects\n");
    assert_told(" ago gen pause used -> after objects asked by\n"
                " 1.0 s 2 8.4 ms 200.0 MiB -> 189.0 MiB 11,000 request\n"
                " 2.0 s 0 7.7 ms 200.0 MiB -> 190.0 MiB 10,000 runtime\n"
                " 3.0 s 0 7.0 ms 200.0 MiB -> 191.0 MiB 9,000 pacer\n");
    assert_told(" and 2 more (--all shows them)\n");
}

static void a_runtime_that_cannot_be_seen_is_told_of(void **state)
{
    (void)state;
    struct reader_process process = specimen();

    process.gc.is_blind = true;
    process.gc.event_count = 0;
    report_squeezed(process, false);
    assert_told("collections of cpython 3.11 (pace)\n"
                " cpython 3.11 keeps its objects in an allocator of its own:"
                " they are not\n");
    assert_untold("generation 0");
}

static void without_a_runtime_there_is_no_section(void **state)
{
    (void)state;
    struct reader_process process = specimen();

    process.gc.is_there = false;
    report_squeezed(process, false);
    assert_untold("collections of");
}

static void the_baseline_shows_the_change_since(void **state)
{
    (void)state;
    report_squeezed(specimen(), false);
    assert_told("since the baseline of 5 min 12 s ago\n"
                " used +20.0 MiB allocated 0 B resident -2.0 MiB handed out "
                "+600.0 MiB\n");
    report_squeezed(specimen_uncounted(), false);
    assert_untold("baseline");
}

static void the_verdict_closes_it_with_its_evidence(void **state)
{
    (void)state;
    report_squeezed(specimen(), false);
    assert_told("\n"
                "verdict: unreturned\n"
                " 32.0 MiB of 256.0 MiB allocated lie in wholly free pages; "
                "gcshim-ctl 4711\n"
                " trim would give back 32.0 MiB.\n");
    report_squeezed(specimen_uncounted(), false);
    assert_told("\n"
                "verdict: -\n");
}

static void the_unknown_is_a_dash_and_not_zero(void **state)
{
    (void)state;
    report_squeezed(specimen_uncounted(), false);
    assert_told(" U in use 200.0 MiB 78.1%");
    assert_told(" O orphaned - -");
    assert_told(" in wholly free pages -\n");
    assert_told("no thread has counted its pages yet\n");
    assert_untold("size classes");
    report_squeezed(specimen_dead(), false);
    assert_told("dead: its last figures\n");
    assert_told("from malloc - -\n");
}

static void no_line_is_wider_than_eighty_columns(void **state)
{
    (void)state;
    struct reader_process process = specimen();

    memset(process.command, 'x', sizeof(process.command) - 1);
    memset(process.threads[0].name, 'y', READER_COMM_BYTES - 1);
    process.huge[0].tid = 4194304;
    process.threads[1].tid = 4194304;
    report(process, true);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strlen(line) > 80)
            fail_msg("%zu columns: %s", strlen(line), line);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, NULL, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(used_and_allocated_stand_first_with_their_parts),
        TEST(the_bill_adds_up_beside_the_resident),
        TEST(the_worst_size_class_stands_first),
        TEST(a_table_is_cut_short_unless_all_is_asked_for),
        TEST(huge_blocks_say_who_asked_for_them_and_when),
        TEST(a_thread_that_has_not_counted_has_dashes),
        TEST(collections_have_a_section_the_latest_first),
        TEST(a_runtime_that_cannot_be_seen_is_told_of),
        TEST(without_a_runtime_there_is_no_section),
        TEST(the_baseline_shows_the_change_since),
        TEST(the_verdict_closes_it_with_its_evidence),
        TEST(the_unknown_is_a_dash_and_not_zero),
        TEST(no_line_is_wider_than_eighty_columns),
    };

    return RUN(tests);
}
