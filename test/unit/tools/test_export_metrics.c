/* What is exported of which process. */
#include "export/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "specimen.h"
#include "unit.h"

static struct scrape_wish wish;
static char *text;

static int setup(void **state)
{
    (void)state;
    wish = (struct scrape_wish){.processes_max = SCRAPE_PROCESSES_DEFAULT};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free(text);
    text = NULL;
    return 0;
}

/* The survey becomes the scrape's. */
static struct scrape scrape_of(struct reader_survey survey)
{
    struct scrape scrape;

    assert_int_equal(scrape_init(&scrape, &wish, &survey), 0);
    return scrape;
}

static struct reader_survey survey_of(struct reader_process process)
{
    struct reader_survey survey = {.process_count = 1};

    survey.processes = malloc(sizeof(process));
    assert_non_null(survey.processes);
    survey.processes[0] = process;
    return survey;
}

static void export_survey(struct reader_survey survey)
{
    size_t length = 0;

    free(text);
    text = NULL;
    FILE *out = open_memstream(&text, &length);
    struct scrape scrape = scrape_of(survey);

    assert_non_null(out);
    assert_int_equal(metrics_write(out, OPENMETRICS_0_0_4, &scrape), 0);
    (void)fclose(out);
    scrape_fini(&scrape);
}

static void export(struct reader_process process)
{
    export_survey(survey_of(process));
}

/* Whether there is a line that begins so: a sample, say. */
static bool has_line(const char *begin)
{
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += line > text;
        if (strncmp(line, begin, strlen(begin)) == 0)
            return true;
        if (*line == '\0')
            break;
    }
    return false;
}

static void has(const char *begin)
{
    if (!has_line(begin))
        fail_msg("no line '%s' in\n%s", begin, text);
}

static void has_not(const char *begin)
{
    if (has_line(begin))
        fail_msg("there is a line '%s'", begin);
}

#define WHO "{pid=\"4711\",comm=\"python3\",user=\"root\""

/* ---------------------------------------------------------------- figures */

static void figures_are_in_base_units(void **state)
{
    (void)state;
    export(specimen());
    has("gcshim_process_up" WHO "} 1\n");
    has("gcshim_process_used_bytes" WHO "} 209715200\n");
    has("gcshim_process_used_peak_bytes" WHO "} 262144000\n");
    has("gcshim_process_allocated_bytes" WHO "} 268435456\n");
    has("gcshim_process_resident_bytes" WHO "} 262144000\n");
    has("gcshim_process_outside_bytes" WHO "} 10485760\n");
    has("gcshim_process_handed_out_bytes_total" WHO "} 1048576000\n");
    has("gcshim_process_freed_blocks_total" WHO "} 86000\n");
    has("gcshim_process_huge_blocks" WHO "} 2\n");
    has("gcshim_process_figures_age_seconds" WHO "} 0.200000000\n");
    has("gcshim_process_threads" WHO "} 3\n");
}

static void the_verdict_is_one_of_all(void **state)
{
    (void)state;
    export(specimen());
    has("gcshim_process_verdict" WHO ",verdict=\"in use\"} 0\n");
    has("gcshim_process_verdict" WHO ",verdict=\"unreturned\"} 1\n");
    has("gcshim_process_verdict" WHO ",verdict=\"fragmented\"} 0\n");
    has("gcshim_process_verdict" WHO ",verdict=\"outside malloc\"} 0\n");
}

static void collections_are_told_with_their_pauses(void **state)
{
    (void)state;
    export(specimen());
    has("gcshim_process_gc_info" WHO
        ",runtime=\"cpython 3.11\",mode=\"pace\",blind=\"false\"} 1\n");
    has("gcshim_process_gc_collections_total" WHO ",generation=\"0\"} 11\n");
    has("gcshim_process_gc_collections_total" WHO ",generation=\"2\"} 1\n");
    has("gcshim_process_gc_pause_seconds_total" WHO "} 0.054600000\n");
    has("gcshim_process_gc_pause_max_seconds" WHO "} 0.008400000\n");
    has("gcshim_process_gc_freed_bytes_total" WHO "} 69206016\n");
    has("gcshim_process_gc_goal_bytes" WHO "} 360710144\n");
}

static void what_is_not_known_has_no_sample(void **state)
{
    (void)state;
    struct reader_process process = specimen_uncounted();

    process.gc.goal_bytes = READER_UNKNOWN;
    export(process);
    has("gcshim_process_used_bytes" WHO "} 209715200\n");
    has("gcshim_process_cached_bytes" WHO "} 0\n");
    has_not("gcshim_process_fragmented_bytes");
    has_not("gcshim_process_unreturned_bytes");
    has_not("gcshim_process_full_page_bytes");
    has_not("gcshim_process_census_age_seconds");
    has_not("gcshim_process_verdict");
    has_not("gcshim_process_gc_goal_bytes");
    has_not("# TYPE gcshim_process_gc_goal_bytes");
    assert_null(strstr(text, "18446744073709551615"));
}

static void a_process_without_collections_has_none(void **state)
{
    (void)state;
    struct reader_process process = specimen();

    process.gc.is_there = false;
    export(process);
    assert_null(strstr(text, "_gc_"));
}

static void the_dead_have_their_last_figures_and_are_not_up(void **state)
{
    (void)state;
    export(specimen_dead());
    has("gcshim_process_up" WHO "} 0\n");
    has("gcshim_process_used_bytes" WHO "} 209715200\n");
    has_not("gcshim_process_resident_bytes");
    has_not("gcshim_process_outside_bytes");
    has("gcshim_exporter_processes{state=\"live\"} 0\n");
    has("gcshim_exporter_processes{state=\"dead\"} 1\n");
}

static void a_container_is_told_by_its_namespace(void **state)
{
    (void)state;
    struct reader_process process = specimen();

    process.pid_namespace = 4026532;
    process.namespace_pid = 7;
    export(process);
    has("gcshim_process_used_bytes" WHO ",pid_namespace=\"4026532\"} ");
    has("gcshim_process_info" WHO
        ",pid_namespace=\"4026532\",segment=\"gcshim.4711.1.2\","
        "namespace_pid=\"7\"} 1\n");
}

static void a_start_is_told_in_the_time_of_clocks(void **state)
{
    (void)state;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    struct scrape scrape = scrape_of(survey_of(specimen()));

    scrape.boot_time_ns = UINT64_C(1700000000123456789);
    assert_int_equal(metrics_write(out, OPENMETRICS_0_0_4, &scrape), 0);
    (void)fclose(out);
    scrape_fini(&scrape);
    has("gcshim_process_start_time_seconds" WHO "} 1700000000.123456790\n");
}

/* ----------------------------------------------------------------- labels */

static void threads_and_classes_are_told_if_asked_for(void **state)
{
    (void)state;
    export(specimen());
    assert_null(strstr(text, "thread=\""));
    assert_null(strstr(text, "tid=\""));
    assert_null(strstr(text, "block_bytes=\""));
    wish.threads = THREADS_BY_NAME;
    wish.size_classes = true;
    export(specimen());
    has("gcshim_threads" WHO ",thread=\"worker-1\"} 1\n");
    has("gcshim_thread_owned_bytes" WHO ",thread=\"worker-1\"} 39845888\n");
    has_not("gcshim_thread_owned_bytes" WHO ",thread=\"worker-2\"");
    has_not("gcshim_thread_handed_out");
    has("gcshim_size_class_pages" WHO ",block_bytes=\"48\"} 12331\n");
    assert_null(strstr(text, "tid=\""));
}

static void threads_by_tid_have_counters(void **state)
{
    (void)state;
    wish.threads = THREADS_BY_TID;
    export(specimen());
    has("gcshim_thread_handed_out_bytes_total" WHO
        ",thread=\"worker-2\",tid=\"4713\"} 20971520\n");
    has("gcshim_thread_freed_bytes_total" WHO
        ",thread=\"worker-1\",tid=\"4712\"} 36700160\n");
}

static void threads_of_one_name_are_one(void **state)
{
    (void)state;
    struct reader_process process = specimen();

    memcpy(process.threads[2].name, "worker-1", 9);
    wish.threads = THREADS_BY_NAME;
    export(process);
    has("gcshim_threads" WHO ",thread=\"worker-1\"} 2\n");
    /* the third has not counted, and adds nothing */
    has("gcshim_thread_owned_bytes" WHO ",thread=\"worker-1\"} 39845888\n");
    has("gcshim_process_threads_left_out" WHO "} 0\n");
}

static void threads_without_a_name_are_told_by_tid_alone(void **state)
{
    (void)state;
    struct reader_process process = specimen();

    process.threads[1].name[0] = '\0';
    wish.threads = THREADS_BY_NAME;
    export(process);
    has_not("gcshim_threads" WHO "} ");
    process = specimen();
    process.threads[1].name[0] = '\0';
    wish.threads = THREADS_BY_TID;
    export(process);
    has("gcshim_thread_owned_bytes" WHO ",tid=\"4712\"} 39845888\n");
}

static void threads_are_bounded_and_the_largest_stay(void **state)
{
    (void)state;
    enum { THREADS = THREADS_GROUPS_MAX + 5 };
    struct reader_process process = specimen();

    free(process.threads);
    process.threads = calloc(THREADS, sizeof(*process.threads));
    assert_non_null(process.threads);
    process.thread_count = THREADS;
    for (uint32_t i = 0; i < THREADS; i++) {
        process.threads[i].tid = i + 1;
        (void)snprintf(process.threads[i].name, READER_COMM_BYTES, "t%u", i);
        process.threads[i].census.used_bytes = i;
    }
    wish.threads = THREADS_BY_NAME;
    export(process);
    has_not("gcshim_threads" WHO ",thread=\"t4\"}");
    has("gcshim_threads" WHO ",thread=\"t5\"} 1\n");
    has("gcshim_threads" WHO ",thread=\"t36\"} 1\n");
    has("gcshim_process_threads_left_out" WHO "} 5\n");
}

/* -------------------------------------------------------------- processes */

static void the_largest_stay_and_the_rest_is_counted(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(5, 0);

    for (size_t i = 0; i < 5; i++)
        survey.processes[i].allocated_bytes = 1000 + i;
    wish.processes_max = 2;
    struct scrape scrape = scrape_of(survey);

    assert_int_equal(scrape.count, 2);
    assert_int_equal(scrape.left_out, 3);
    assert_int_equal(scrape.subjects[0].process->allocated_bytes, 1004);
    assert_int_equal(scrape.subjects[1].process->allocated_bytes, 1003);
    scrape_fini(&scrape);
}

static void the_living_go_before_the_dead(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(3, 0);

    survey.processes[1].state = READER_DEAD;
    survey.processes[1].allocated_bytes = UINT64_C(1) << 50;
    wish.processes_max = 2;
    struct scrape scrape = scrape_of(survey);

    assert_int_equal(scrape.subjects[0].process->state, READER_LIVE);
    assert_int_equal(scrape.subjects[1].process->state, READER_LIVE);
    scrape_fini(&scrape);
}

/* Two series of one name would make a scraper throw away the whole text. */
static void of_namesakes_there_is_the_newest(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(4, 0);

    for (size_t i = 0; i < 4; i++) {
        survey.processes[i].pid = 100;
        survey.processes[i].state = READER_DEAD;
        survey.processes[i].created_ns = 10 + i;
        (void)snprintf(survey.processes[i].comm, READER_COMM_BYTES, "same");
    }
    survey.processes[3].uid = 12345; /* somebody else's hides nobody's */
    struct scrape scrape = scrape_of(survey);

    assert_int_equal(scrape.count, 2);
    assert_int_equal(scrape.namesakes, 2);
    for (size_t i = 0; i < 2; i++)
        assert_true(scrape.subjects[i].process->created_ns >= 12);
    scrape_fini(&scrape);
}

static void of_namesakes_there_is_the_living(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(2, 0);

    for (size_t i = 0; i < 2; i++) {
        survey.processes[i].pid = 100;
        survey.processes[i].created_ns = i;
        (void)snprintf(survey.processes[i].comm, READER_COMM_BYTES, "same");
    }
    survey.processes[1].state = READER_DEAD;
    struct scrape scrape = scrape_of(survey);

    assert_int_equal(scrape.count, 1);
    assert_int_equal(scrape.subjects[0].process->state, READER_LIVE);
    scrape_fini(&scrape);
}

static void only_the_chosen_are_told_of(void **state)
{
    (void)state;
    struct reader_survey survey = fleet(3, 0);
    uint32_t pids[] = {survey.processes[1].pid};

    wish.choice.pids = pids;
    wish.choice.pid_count = 1;
    struct scrape scrape = scrape_of(survey);

    assert_int_equal(scrape.count, 1);
    assert_int_equal(scrape.left_out, 0);
    assert_int_equal(scrape.subjects[0].process->pid, pids[0]);
    scrape_fini(&scrape);
}

static void nobody_is_no_mistake(void **state)
{
    (void)state;
    export_survey((struct reader_survey){.denied_count = 3});
    has("gcshim_exporter_processes{state=\"live\"} 0\n");
    has("gcshim_exporter_segments_refused{reason=\"denied\"} 3\n");
    has_not("gcshim_process");
}

/* --------------------------------------------------------------- the list */

static void the_list_names_what_samples_are_named(void **state)
{
    (void)state;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);

    assert_non_null(out);
    assert_int_equal(metrics_list(out), 0);
    (void)fclose(out);
    has("gcshim_process_info\n");
    has("gcshim_process_used_bytes\n");
    has("gcshim_process_handed_out_bytes_total\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(figures_are_in_base_units),
        TEST(the_verdict_is_one_of_all),
        TEST(collections_are_told_with_their_pauses),
        TEST(what_is_not_known_has_no_sample),
        TEST(a_process_without_collections_has_none),
        TEST(the_dead_have_their_last_figures_and_are_not_up),
        TEST(a_container_is_told_by_its_namespace),
        TEST(a_start_is_told_in_the_time_of_clocks),
        TEST(threads_and_classes_are_told_if_asked_for),
        TEST(threads_by_tid_have_counters),
        TEST(threads_of_one_name_are_one),
        TEST(threads_without_a_name_are_told_by_tid_alone),
        TEST(threads_are_bounded_and_the_largest_stay),
        TEST(the_largest_stay_and_the_rest_is_counted),
        TEST(the_living_go_before_the_dead),
        TEST(of_namesakes_there_is_the_newest),
        TEST(of_namesakes_there_is_the_living),
        TEST(only_the_chosen_are_told_of),
        TEST(nobody_is_no_mistake),
        TEST(the_list_names_what_samples_are_named),
    };

    return RUN(tests);
}
