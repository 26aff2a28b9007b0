/* A survey shows each process once, tells the living from the dead, and
 * takes nobody's word for somebody else's process. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forge.h"
#include "reader/proc.h"
#include "reader/reader.h"
#include "unit.h"

static struct reader_survey survey;

static int begin(void **state)
{
    (void)state;
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    reader_survey_fini(&survey);
    forge_end();
    return 0;
}

static void look(void)
{
    assert_int_equal(reader_survey_init(&survey, forge_dir()), 0);
}

/* The only process there is. */
static const struct reader_process *only(void)
{
    look();
    if (survey.refusal_count > 0)
        fail_msg("refused: %s", survey.refusals[0].reason);
    assert_int_equal(survey.process_count, 1);
    return &survey.processes[0];
}

static void assert_refused(const char *why)
{
    look();
    assert_int_equal(survey.process_count, 0);
    assert_int_equal(survey.refusal_count, 1);
    if (!strstr(survey.refusals[0].reason, why))
        fail_msg("refused with \"%s\", not \"%s\"", survey.refusals[0].reason,
                 why);
}

/* ------------------------------------------------------- dead or alive */

static void a_running_process_is_live(void **state)
{
    (void)state;
    forge_put("gcshim.a", forge_segment());
    const struct reader_process *process = only();

    assert_int_equal(process->state, READER_LIVE);
    assert_int_equal(process->pid, getpid());
    assert_int_equal(process->uid, geteuid());
    assert_true(process->resident_bytes > 0);
    assert_true(process->rss_bytes >= process->resident_bytes);
    assert_true(process->rss_bytes < (uint64_t)1 << 50);
    assert_string_equal(process->segment, "gcshim.a");
    assert_string_equal(process->threads[0].name, process->comm);
    assert_true(strchr("RSD", process->threads[0].state) != NULL);
}

static void a_brief_survey_leaves_threads_without_names(void **state)
{
    (void)state;
    forge_put("gcshim.a", forge_segment());
    assert_int_equal(reader_survey_init_brief(&survey, forge_dir()), 0);
    assert_int_equal(survey.process_count, 1);
    assert_int_equal(survey.processes[0].state, READER_LIVE);
    assert_int_equal(survey.processes[0].thread_count, 1);
    assert_string_equal(survey.processes[0].threads[0].name, "");
    assert_int_equal(survey.processes[0].threads[0].state, '?');
}

static void another_start_time_is_another_process(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.start_time_ticks--;
    forge_put("gcshim.a", segment);
    const struct reader_process *process = only();

    assert_int_equal(process->state, READER_DEAD);
    assert_int_equal(process->resident_bytes, READER_UNKNOWN);
    assert_int_equal(process->threads[0].state, 'X');
    assert_string_equal(process->comm, "forged");
}

static void another_stack_is_another_program(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.stack_start ^= 0x1000;
    forge_put("gcshim.a", segment);
    assert_int_equal(only()->state, READER_DEAD);
}

static void an_unknown_stack_is_no_other_program(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.stack_start = 0;
    forge_put("gcshim.a", segment);
    assert_int_equal(only()->state, READER_LIVE);
}

static void an_account_that_was_ended_is_dead(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.ended_ns = 1;
    forge_put("gcshim.a", segment);
    assert_int_equal(only()->state, READER_DEAD);
}

static void without_a_start_time_it_must_be_older_than_the_segment(void **s)
{
    (void)s;
    struct gcshim_segment *segment = forge_segment();

    segment->header.start_time_ticks = 0;
    forge_put("gcshim.a", segment);
    assert_int_equal(only()->state, READER_LIVE);
    reader_survey_fini(&survey);
    segment = forge_segment();
    segment->header.start_time_ticks = 0;
    segment->header.created_ns = 1;
    forge_put("gcshim.a", segment);
    assert_int_equal(only()->state, READER_DEAD);
}

/* A child that has come to its end and is not released. */
static pid_t zombie_make(void)
{
    pid_t pid = fork();
    siginfo_t info;

    if (pid == 0)
        _exit(0);
    assert_true(pid > 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    return pid;
}

static void a_zombie_is_dead(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();
    pid_t pid = zombie_make();
    struct proc proc;

    assert_int_equal(proc_open(&proc, (uint32_t)pid), 0);
    segment->header.pid = (uint32_t)pid;
    segment->header.start_time_ticks = proc.stat.start_time_ticks;
    segment->header.stack_start = 0;
    proc_close(&proc);
    forge_put("gcshim.a", segment);
    assert_int_equal(only()->state, READER_DEAD);
    waitpid(pid, NULL, 0);
}

static void a_pid_of_nobody_is_dead(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();
    pid_t pid = zombie_make();

    waitpid(pid, NULL, 0);
    segment->header.pid = (uint32_t)pid;
    forge_put("gcshim.a", segment);
    assert_int_equal(only()->state, READER_DEAD);
}

static void another_pid_namespace_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.pid_namespace ^= 1;
    forge_put("gcshim.a", segment);
    assert_refused("belongs to another pid namespace");
}

/* -------------------------------------------------------------- figures */

static void used_is_never_above_allocated(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.committed_bytes = 100; /* as of the last tick */
    segment->header.used_peak_bytes = 900;
    forge_put("gcshim.a", segment);
    const struct reader_process *process = only();

    assert_int_equal(process->used_bytes, 600);
    assert_int_equal(process->allocated_bytes, 600);
    assert_int_equal(process->used_peak_bytes, 900);
    assert_int_equal(process->allocated_peak_bytes, 900);
}

static void a_peak_is_never_below_today(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.committed_bytes = 5000;
    segment->header.committed_peak_bytes = 4000;
    segment->header.used_peak_bytes = 10;
    forge_put("gcshim.a", segment);
    const struct reader_process *process = only();

    assert_int_equal(process->used_peak_bytes, 600);
    assert_int_equal(process->allocated_bytes, 5000);
    assert_int_equal(process->allocated_peak_bytes, 5000);
}

static void figures_never_published_have_no_age(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.published_ns = 0;
    forge_put("gcshim.a", segment);
    assert_int_equal(only()->age_ms, READER_UNKNOWN);
    reader_survey_fini(&survey);
    forge_put("gcshim.a", forge_segment());
    assert_true(only()->age_ms < 60000);
    reader_survey_fini(&survey);
    segment = forge_segment();
    segment->header.published_ns = UINT64_MAX;
    forge_put("gcshim.a", segment);
    assert_int_equal(only()->age_ms, 0);
}

/* ------------------------------------------------------------- several */

static void what_was_left_at_an_exec_is_passed_over(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.stack_start ^= 0x1000;
    segment->header.created_ns -= 1000;
    forge_put("gcshim.old", segment);
    forge_put("gcshim.new", forge_segment());
    assert_string_equal(only()->segment, "gcshim.new");
}

static void of_two_that_seem_alive_the_newer_is(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.created_ns--;
    forge_put("gcshim.old", segment);
    forge_put("gcshim.new", forge_segment());
    assert_string_equal(only()->segment, "gcshim.new");
    assert_int_equal(survey.processes[0].state, READER_LIVE);
}

static void an_earlier_process_of_that_pid_is_shown_as_dead(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.start_time_ticks--;
    forge_put("gcshim.old", segment);
    forge_put("gcshim.new", forge_segment());
    look();
    assert_int_equal(survey.process_count, 2);
    assert_int_equal(survey.processes[0].state, READER_LIVE);
    assert_int_equal(survey.processes[1].state, READER_DEAD);
}

static void nobody_hides_another_users_process(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    if (geteuid() != 0)
        skip();
    segment->header.ended_ns = 1; /* dead, and newer than the true one */
    segment->header.created_ns += 1000000;
    forge_put("gcshim.fake", segment);
    assert_int_equal(chown(forge_path("gcshim.fake"), 4242, 4242), 0);
    forge_put("gcshim.true", forge_segment());
    look();
    assert_int_equal(survey.process_count, 2);
    assert_string_equal(survey.processes[0].segment, "gcshim.true");
    assert_int_equal(survey.processes[0].state, READER_LIVE);
}

static void processes_are_sorted_by_pid(void **state)
{
    (void)state;
    static const char *const names[] = {"gcshim.c", "gcshim.a", "gcshim.b"};

    for (uint32_t i = 0; i < 3; i++) {
        struct gcshim_segment *segment = forge_segment();

        segment->header.pid = 4194304 + 30 - i * 10;
        forge_put(names[i], segment);
    }
    look();
    assert_int_equal(survey.process_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(survey.processes[i].pid, 4194314 + i * 10);
}

/* ------------------------------------------------------------- trust */

static void a_file_about_another_users_process_is_refused(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    forge_put("gcshim.a", forge_segment());
    assert_int_equal(chown(forge_path("gcshim.a"), 4242, 4242), 0);
    char expected[READER_REASON_BYTES];

    snprintf(expected, sizeof(expected),
             "is owned by uid 4242, but process %d belongs to uid 0", getpid());
    assert_refused(expected);
}

static void a_dead_process_is_its_files_owners(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    if (geteuid() != 0)
        skip();
    segment->header.ended_ns = 1;
    forge_put("gcshim.a", segment);
    assert_int_equal(chown(forge_path("gcshim.a"), 4242, 4242), 0);
    assert_int_equal(only()->uid, 4242);
}

/* Runs a function as nobody, who owns nothing of ours. */
static void as_nobody(void (*function)(void))
{
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        if (setresgid(65534, 65534, 65534) < 0 ||
            setresuid(65534, 65534, 65534) < 0)
            _exit(99);
        function();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void look_denied(void)
{
    struct reader_survey seen;

    if (reader_survey_init(&seen, forge_dir()) < 0)
        _exit(1);
    if (seen.process_count != 0 || seen.refusal_count != 0 ||
        seen.denied_count != 1)
        _exit(2);
}

static void files_that_may_not_be_opened_are_only_counted(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    forge_put("gcshim.a", forge_segment());
    assert_int_equal(chmod(forge_dir(), 0755), 0);
    as_nobody(look_denied);
}

/* As a process that root has started and that has become somebody since. */
static void write_as_root_and_look_as_nobody(void)
{
    struct reader_survey seen;

    forge_put("gcshim.a", forge_segment());
    if (chmod(forge_path("gcshim.a"), 0644) < 0 ||
        setresgid(65534, 65534, 65534) < 0 ||
        setresuid(65534, 65534, 65534) < 0)
        _exit(99);
    if (reader_survey_init(&seen, forge_dir()) < 0)
        _exit(1);
    if (seen.process_count != 1 || seen.processes[0].state != READER_LIVE ||
        seen.processes[0].uid != 65534)
        _exit(2);
    reader_survey_fini(&seen);
}

static void a_process_that_gave_up_being_root_keeps_its_segment(void **state)
{
    (void)state;
    pid_t pid = 0;
    int status = 0;

    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(forge_dir(), 0755), 0);
    pid = fork();
    if (pid == 0) {
        write_as_root_and_look_as_nobody();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void other_files_are_passed_over(void **state)
{
    (void)state;
    forge_put("gcshim", forge_segment());
    forge_put("sem.gcshim.a", forge_segment());
    look();
    assert_int_equal(survey.process_count, 0);
    assert_int_equal(survey.refusal_count, 0);
}

static void a_name_with_control_characters_is_refused(void **state)
{
    (void)state;
    forge_put("gcshim.\x1b[31m", forge_segment());
    assert_refused("no name that gcshim gives");
    assert_string_equal(survey.refusals[0].segment, "gcshim.?[31m");
}

static void refusals_are_bounded(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    for (int i = 0; i < READER_REFUSALS_MAX + 10; i++) {
        char name[32];

        snprintf(name, sizeof(name), "gcshim.%d", i);
        forge_write(name, segment, 100);
    }
    free(segment);
    look();
    assert_int_equal(survey.refusal_count, READER_REFUSALS_MAX);
    assert_int_equal(survey.beyond_count, 10);
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    struct reader_survey none;

    assert_int_equal(reader_survey_init(&none, "/nonexistent"), -ENOENT);
}

/* ----------------------------------------------------------- one of them */

static void find_prefers_the_living(void **state)
{
    (void)state;
    struct reader_process process;
    struct gcshim_segment *segment = forge_segment();
    uint32_t pid = (uint32_t)getpid();
    char name[64];

    segment->header.start_time_ticks--;
    segment->header.created_ns *= 2; /* newer than the living one */
    snprintf(name, sizeof(name), "gcshim.%u.dead", pid);
    forge_put(name, segment);
    snprintf(name, sizeof(name), "gcshim.%u.live", pid);
    forge_put(name, forge_segment());
    assert_int_equal(reader_process_find(&process, forge_dir(), pid), 0);
    assert_int_equal(process.state, READER_LIVE);
    assert_int_equal(process.thread_count, 1);
    reader_process_fini(&process);
}

static void find_takes_the_newest_of_the_dead(void **state)
{
    (void)state;
    struct reader_process process;

    for (uint32_t i = 0; i < 3; i++) {
        struct gcshim_segment *segment = forge_segment();
        char name[64];

        segment->header.pid = 4194304;
        segment->header.start_time_ticks += i;
        segment->header.created_ns = i == 1 ? 2000 : 1000;
        snprintf(name, sizeof(name), "gcshim.4194304.%u", i);
        forge_put(name, segment);
    }
    assert_int_equal(reader_process_find(&process, forge_dir(), 4194304), 0);
    assert_int_equal(process.created_ns, 2000);
    reader_process_fini(&process);
}

static void find_believes_the_header_not_the_name(void **state)
{
    (void)state;
    struct reader_process process;

    forge_put("gcshim.4194304.1", forge_segment());
    assert_int_equal(reader_process_find(&process, forge_dir(), 4194304),
                     -ENOENT);
}

static void a_file_named_by_its_path_is_read_whoever_owns_it(void **state)
{
    (void)state;
    struct reader_process process;
    char reason[READER_REASON_BYTES] = "";

    forge_put("copy", forge_segment());
    if (geteuid() == 0)
        assert_int_equal(chown(forge_path("copy"), 4242, 4242), 0);
    assert_int_equal(reader_process_init(&process, forge_path("copy"), reason),
                     0);
    assert_string_equal(process.segment, "copy");
    assert_int_equal(process.used_bytes, 600);
    reader_process_fini(&process);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_running_process_is_live),
        TEST(a_brief_survey_leaves_threads_without_names),
        TEST(another_start_time_is_another_process),
        TEST(another_stack_is_another_program),
        TEST(an_unknown_stack_is_no_other_program),
        TEST(an_account_that_was_ended_is_dead),
        TEST(without_a_start_time_it_must_be_older_than_the_segment),
        TEST(a_zombie_is_dead),
        TEST(a_pid_of_nobody_is_dead),
        TEST(another_pid_namespace_is_refused),
        TEST(used_is_never_above_allocated),
        TEST(a_peak_is_never_below_today),
        TEST(figures_never_published_have_no_age),
        TEST(what_was_left_at_an_exec_is_passed_over),
        TEST(of_two_that_seem_alive_the_newer_is),
        TEST(an_earlier_process_of_that_pid_is_shown_as_dead),
        TEST(nobody_hides_another_users_process),
        TEST(processes_are_sorted_by_pid),
        TEST(a_file_about_another_users_process_is_refused),
        TEST(a_dead_process_is_its_files_owners),
        TEST(files_that_may_not_be_opened_are_only_counted),
        TEST(a_process_that_gave_up_being_root_keeps_its_segment),
        TEST(other_files_are_passed_over),
        TEST(a_name_with_control_characters_is_refused),
        TEST(refusals_are_bounded),
        TEST(a_directory_that_is_not_there_is_an_error),
        TEST(find_prefers_the_living),
        TEST(find_takes_the_newest_of_the_dead),
        TEST(find_believes_the_header_not_the_name),
        TEST(a_file_named_by_its_path_is_read_whoever_owns_it),
    };

    return RUN(tests);
}
