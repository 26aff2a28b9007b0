/* What is asked reaches the process that is meant, and nobody else; and only
 * the segments of those who are no more are removed. */
#include "reader/control.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forge.h"
#include "reader/proc.h"
#include "unit.h"

static const char name[] = "gcshim.1.2.3";

static struct reader_process process;
static struct control control;

static int begin(void **state)
{
    (void)state;
    process = (struct reader_process){0};
    control = (struct control){0};
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (control.segment)
        control_close(&control);
    reader_process_fini(&process);
    forge_end();
    return 0;
}

static void open_forged(struct gcshim_segment *segment)
{
    process = forge_read(segment);
    assert_int_equal(control_open(&control, &process), 0);
}

static void assert_not_opened(int expected)
{
    assert_int_equal(control_open(&control, &process), expected);
}

/* ----------------------------------------------------------------- trim */

static void a_request_to_trim_is_one_more_than_the_last(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.trim_requested = 7;
    open_forged(segment);
    segment = forge_map(name);
    assert_int_equal(control_trim(&control), 0);
    assert_int_equal(segment->header.trim_requested, 8);
    assert_int_equal(control.request, 8);
    assert_int_equal(control_trim(&control), 0);
    assert_int_equal(segment->header.trim_requested, 9);
    forge_unmap(segment);
}

static void assert_progress(size_t done, size_t threads)
{
    size_t is_done = 99;
    size_t are = 99;

    assert_int_equal(control_trim_progress(&control, &is_done, &are), 0);
    assert_int_equal(is_done, done);
    assert_int_equal(are, threads);
}

static void threads_that_have_served_it_are_counted(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.slots_high = 5;
    segment->slots[0].tid = 99; /* the late slot is nobody's */
    segment->slots[2].tid = 2;
    segment->slots[3].tid = 3;
    segment->slots[4].trimmed = 1; /* free */
    open_forged(segment);
    segment = forge_map(name);
    assert_int_equal(control_trim(&control), 0);
    assert_progress(0, 3);
    segment->slots[2].trimmed = 1;
    assert_progress(1, 3);
    segment->slots[3].trimmed = 2; /* a later request serves this one too */
    segment->slots[1].trimmed = 1;
    assert_progress(3, 3);
    segment->slots[2].tid = 0;
    assert_progress(2, 2);
    forge_unmap(segment);
}

static void the_numbers_of_requests_go_round(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.trim_requested = UINT32_MAX;
    segment->slots[1].trimmed = UINT32_MAX;
    open_forged(segment);
    segment = forge_map(name);
    assert_int_equal(control_trim(&control), 0);
    assert_int_equal(control.request, 0);
    assert_progress(0, 1);
    segment->slots[1].trimmed = 0;
    assert_progress(1, 1);
    segment->slots[1].trimmed = 5;
    assert_progress(1, 1);
    forge_unmap(segment);
}

static void a_request_to_sample_has_its_mean_and_a_number(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.profile_requested = 7;
    open_forged(segment);
    segment = forge_map(name);
    assert_int_equal(control_profile(&control, 4096), 0);
    assert_int_equal(segment->header.profile_wanted_bytes, 4096);
    assert_int_equal(segment->header.profile_requested, 8);
    assert_int_equal(control.request, 8);
    assert_int_equal(control_profile(&control, 0), 0);
    assert_int_equal(segment->header.profile_wanted_bytes, 0);
    assert_int_equal(segment->header.profile_requested, 9);
    forge_unmap(segment);
}

static void assert_sampling(bool served, enum reader_sampling expected,
                            uint64_t expected_mean)
{
    enum reader_sampling sampling = READER_SAMPLING_UNKNOWN;
    uint64_t mean = 99;
    bool is_served = !served;

    assert_int_equal(
        control_profile_served(&control, &is_served, &sampling, &mean), 0);
    assert_int_equal(is_served, served);
    assert_int_equal(sampling, expected);
    assert_int_equal(mean, expected_mean);
}

static void sampling_is_as_was_asked_once_that_is_served(void **state)
{
    (void)state;
    open_forged(forge_segment());
    struct gcshim_segment *segment = forge_map(name);

    assert_int_equal(control_profile(&control, 4096), 0);
    assert_sampling(false, READER_SAMPLING_OFF, 0);
    segment->profile.state = GCSHIM_SAMPLING_ON;
    segment->profile.mean_bytes = 4096;
    segment->profile.served = 1;
    assert_sampling(true, READER_SAMPLING_ON, 4096);
    segment->profile.served = 2; /* a later request serves this one too */
    segment->profile.state = 77;
    assert_sampling(true, READER_SAMPLING_UNKNOWN, 4096);
    forge_unmap(segment);
}

static void a_shim_that_does_not_sample_is_not_asked(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.sections[7].kind = GCSHIM_SECTION_NONE;
    open_forged(segment);
    segment = forge_map(name);
    assert_int_equal(control_profile(&control, 4096), -ENOTSUP);
    assert_int_equal(segment->header.profile_wanted_bytes, 0);
    assert_int_equal(segment->header.profile_requested, 0);
    forge_unmap(segment);
}

/* A process that waits to be killed, and its segment. */
static pid_t open_child(void)
{
    struct gcshim_segment *segment = forge_segment();
    struct proc proc;
    pid_t pid = fork();

    if (pid == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(proc_open(&proc, (uint32_t)pid), 0);
    segment->header.pid = (uint32_t)pid;
    segment->header.start_time_ticks = proc.stat.start_time_ticks;
    segment->header.stack_start = 0;
    proc_close(&proc);
    open_forged(segment);
    return pid;
}

static void assert_ended(void)
{
    size_t done = 0;
    size_t threads = 0;
    bool is_served = true;

    assert_int_equal(control_trim_progress(&control, &done, &threads), -ESRCH);
    assert_int_equal(control_collect_served(&control, &is_served), -ESRCH);
}

static void a_process_that_was_killed_meanwhile_has_ended(void **state)
{
    (void)state;
    siginfo_t info;
    pid_t pid = open_child();
    size_t done = 0;
    size_t threads = 0;

    assert_int_equal(control_trim_progress(&control, &done, &threads), 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_ended(); /* a zombie */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_ended();
}

static void progress_of_a_file_cut_short_is_an_error(void **state)
{
    (void)state;
    size_t done = 0;
    size_t threads = 0;

    open_forged(forge_segment());
    assert_int_equal(truncate(forge_path(name), GCSHIM_HEADER_BYTES), 0);
    assert_int_equal(control_trim_progress(&control, &done, &threads), -EPROTO);
}

/* -------------------------------------------------------------- collect */

static void assert_served(bool expected)
{
    bool is_served = !expected;

    assert_int_equal(control_collect_served(&control, &is_served), 0);
    assert_int_equal(is_served, expected);
}

static void a_request_to_collect_is_one_more_than_the_last(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.collect_requested = 7;
    segment->header.trim_requested = 3;
    open_forged(segment);
    segment = forge_map(name);
    assert_int_equal(control_collect(&control), 0);
    assert_int_equal(segment->header.collect_requested, 8);
    assert_int_equal(segment->header.trim_requested, 3);
    forge_unmap(segment);
}

static void a_collection_is_served_by_that_request_or_a_later_one(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.collect_requested = UINT32_MAX;
    segment->gc.collect_served = UINT32_MAX;
    open_forged(segment);
    segment = forge_map(name);
    assert_int_equal(control_collect(&control), 0); /* they go round */
    assert_served(false);
    segment->gc.collect_served = 0;
    assert_served(true);
    segment->gc.collect_served = 2;
    assert_served(true);
    segment->gc.collect_served = UINT32_MAX - 1;
    assert_served(false);
    forge_unmap(segment);
}

static void a_file_without_collections_never_serves(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();
    struct reader_gc_event event;

    segment->header.section_count -= 2;
    open_forged(segment);
    assert_int_equal(control_collect(&control), 0);
    assert_served(false);
    assert_int_equal(control_collected(&control, 0, 0, &event), -ENODATA);
}

static void the_newest_collection_since_then_is_found(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();
    struct reader_gc_event event = {0};

    segment->gc.events = 3;
    for (uint64_t i = 0; i < 3; i++) {
        segment->gc_events[i].sequence = 2 * (i + 1);
        segment->gc_events[i].begin_ns = 100 + i;
    }
    segment->gc_events[1].flags = GCSHIM_GC_ON_REQUEST;
    open_forged(segment);
    assert_int_equal(control_collected(&control, 99, 0, &event), 0);
    assert_int_equal(event.begin_ns, 102);
    assert_int_equal(
        control_collected(&control, 99, READER_GC_BY_REQUEST, &event), 0);
    assert_int_equal(event.begin_ns, 101);
    assert_int_equal(
        control_collected(&control, 101, READER_GC_BY_REQUEST, &event),
        -ENODATA);
    assert_int_equal(control_collected(&control, 102, 0, &event), -ENODATA);
}

/* ------------------------------------------------------------- baseline */

static void a_baseline_is_shown_by_those_who_read_later(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.committed_bytes = 4096;
    open_forged(segment);
    assert_int_equal(process.baseline.age_ms, READER_UNKNOWN);
    assert_int_equal(process.baseline.used_bytes, READER_UNKNOWN);
    assert_int_equal(process.baseline.resident_bytes, READER_UNKNOWN);
    uint64_t resident = process.resident_bytes;

    assert_int_equal(control_baseline(&control, &process), 0);
    reader_process_fini(&process);
    assert_int_equal(reader_process_init(&process, forge_path(name), NULL), 0);
    assert_in_range(process.baseline.age_ms, 0, 1000);
    assert_int_equal(process.baseline.used_bytes, 600);
    assert_int_equal(process.baseline.allocated_bytes, 4096);
    assert_int_equal(process.baseline.resident_bytes, resident);
    assert_int_equal(process.baseline.allocated_total_bytes, 1000);
    assert_int_equal(process.baseline.freed_total_bytes, 400);
}

/* ----------------------------------------------------------------- open */

static void a_dead_process_cannot_be_asked(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.start_time_ticks--;
    process = forge_read(segment);
    assert_not_opened(-ESRCH);
    reader_process_fini(&process);
    segment = forge_segment();
    segment->header.ended_ns = 1; /* on its way out */
    process = forge_read(segment);
    assert_not_opened(-ESRCH);
}

static void a_segment_that_is_gone_cannot_be_asked(void **state)
{
    (void)state;
    process = forge_read(forge_segment());
    assert_int_equal(unlink(forge_path(name)), 0);
    assert_not_opened(-ENOENT);
}

static void another_segment_of_that_name_is_not_asked(void **state)
{
    (void)state;
    process = forge_read(forge_segment());
    forge_put(name, forge_segment()); /* created later */
    assert_not_opened(-ESRCH);
}

static void a_link_to_elsewhere_is_not_written_through(void **state)
{
    (void)state;
    char hard[FORGE_PATH_BYTES];

    process = forge_read(forge_segment());
    strcpy(hard, forge_path("hard"));
    assert_int_equal(link(forge_path(name), hard), 0);
    assert_not_opened(-EPERM);
    assert_int_equal(unlink(forge_path(name)), 0);
    assert_int_equal(symlink("hard", forge_path(name)), 0);
    assert_not_opened(-EPROTO);
}

static void a_file_that_somebody_elses_word_stands_in_is_not_asked(void **state)
{
    (void)state;
    process = forge_read(forge_segment());
    process.file_uid = 4711;
    assert_not_opened(-ESRCH);
    if (geteuid() != 0)
        skip();
    assert_int_equal(chown(forge_path(name), 4711, 4711), 0);
    assert_not_opened(-EPERM);
}

static void whoever_holds_the_lock_for_long_is_not_waited_for(void **state)
{
    (void)state;
    open_forged(forge_segment());
    int fd = open(forge_path(name), O_RDWR);

    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(control_trim(&control), -EBUSY);
    assert_int_equal(flock(fd, LOCK_UN), 0);
    assert_int_equal(control_trim(&control), 0);
    assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* it has let go */
    close(fd);
}

static void a_segment_found_in_a_directory_is_found_again(void **state)
{
    (void)state;
    forge_put("gcshim.9.9.9", forge_segment());
    struct reader_survey survey;

    assert_int_equal(reader_survey_init(&survey, forge_dir()), 0);
    assert_int_equal(survey.process_count, 1);
    assert_int_equal(control_open(&control, &survey.processes[0]), 0);
    reader_survey_fini(&survey);
}

/* ---------------------------------------------------------------- clean */

static size_t removed, kept;
static uint64_t bytes;

static void clean(void)
{
    assert_int_equal(control_clean(forge_dir(), &removed, &bytes, &kept), 0);
}

static bool exists(const char *file)
{
    return access(forge_path(file), F_OK) == 0;
}

static struct gcshim_segment *dead(void)
{
    struct gcshim_segment *segment = forge_segment();

    segment->header.start_time_ticks--;
    return segment;
}

static void the_dead_are_removed_and_the_living_stay(void **state)
{
    (void)state;
    forge_put("gcshim.dead", dead());
    forge_put("gcshim.live", forge_segment());
    forge_put("other", dead());
    clean();
    assert_int_equal(removed, 1);
    assert_int_equal(kept, 0);
    assert_in_range(bytes, 8192, 64 * 1024);
    assert_false(exists("gcshim.dead"));
    assert_true(exists("gcshim.live"));
    assert_true(exists("other"));
}

static void what_was_kept_or_left_over_is_removed_once_it_is_dead(void **state)
{
    (void)state;
    struct gcshim_segment *segment = dead();

    segment->header.ended_ns = 1;
    forge_put("gcshim.kept", segment);
    segment = dead();
    segment->header.flags = GCSHIM_FLAG_LEFT_OVER;
    forge_put("gcshim.left", segment);
    segment = forge_segment();
    segment->header.flags = GCSHIM_FLAG_LEFT_OVER;
    segment->header.ended_ns = 1;
    forge_put("gcshim.ending", segment);
    clean();
    assert_int_equal(removed, 2);
    assert_true(exists("gcshim.ending"));
}

static void one_that_runs_another_program_now_stays(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.stack_start ^= 0x1000;
    forge_put("gcshim.execed", segment);
    clean();
    assert_int_equal(removed, 0);
    assert_int_equal(kept, 0);
}

static void a_pid_that_nobody_has_is_dead(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    segment->header.pid = (uint32_t)pid;
    forge_put("gcshim.gone", segment);
    clean();
    assert_int_equal(removed, 1);
}

static void what_is_refused_stays(void **state)
{
    (void)state;
    struct gcshim_segment *segment = dead();

    segment->header.layout_version = 9;
    forge_put("gcshim.version", segment);
    forge_write("gcshim.empty", NULL, 0);
    assert_int_equal(symlink("nowhere", forge_path("gcshim.link")), 0);
    segment = dead();
    segment->header.magic = 0;
    forge_put("gcshim.unborn", segment);
    clean();
    assert_int_equal(removed, 0);
    assert_int_equal(kept, 2); /* those being made are not counted */
    assert_true(exists("gcshim.version"));
}

static void what_may_live_out_of_sight_stays(void **state)
{
    (void)state;
    struct gcshim_segment *segment = dead();

    segment->header.pid_namespace = 77;
    forge_put("gcshim.elsewhere", segment);
    clean();
    assert_int_equal(removed, 0);
    assert_int_equal(kept, 1);
}

static void other_users_files_are_none_of_ours(void **state)
{
    (void)state;
    int status = 0;

    if (geteuid() != 0)
        skip();
    forge_put("gcshim.roots", dead());
    assert_int_equal(chmod(forge_dir(), 0777), 0);
    assert_int_equal(chmod(forge_path("gcshim.roots"), 0666), 0);
    pid_t pid = fork();

    if (pid == 0) {
        if (setuid(65534) != 0)
            _exit(2);
        clean();
        _exit(removed == 0 && kept == 0 ? 0 : 1);
    }
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    assert_true(exists("gcshim.roots"));
}

static void a_directory_that_is_not_there_is_an_error(void **state)
{
    (void)state;
    removed = 5;
    assert_int_equal(
        control_clean(forge_path("nowhere"), &removed, &bytes, &kept), -ENOENT);
    assert_int_equal(removed, 5);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_to_trim_is_one_more_than_the_last),
        TEST(threads_that_have_served_it_are_counted),
        TEST(the_numbers_of_requests_go_round),
        TEST(a_request_to_sample_has_its_mean_and_a_number),
        TEST(sampling_is_as_was_asked_once_that_is_served),
        TEST(a_shim_that_does_not_sample_is_not_asked),
        TEST(a_process_that_was_killed_meanwhile_has_ended),
        TEST(progress_of_a_file_cut_short_is_an_error),
        TEST(a_request_to_collect_is_one_more_than_the_last),
        TEST(a_collection_is_served_by_that_request_or_a_later_one),
        TEST(a_file_without_collections_never_serves),
        TEST(the_newest_collection_since_then_is_found),
        TEST(a_baseline_is_shown_by_those_who_read_later),
        TEST(a_dead_process_cannot_be_asked),
        TEST(a_segment_that_is_gone_cannot_be_asked),
        TEST(another_segment_of_that_name_is_not_asked),
        TEST(a_link_to_elsewhere_is_not_written_through),
        TEST(a_file_that_somebody_elses_word_stands_in_is_not_asked),
        TEST(whoever_holds_the_lock_for_long_is_not_waited_for),
        TEST(a_segment_found_in_a_directory_is_found_again),
        TEST(the_dead_are_removed_and_the_living_stay),
        TEST(what_was_kept_or_left_over_is_removed_once_it_is_dead),
        TEST(one_that_runs_another_program_now_stays),
        TEST(a_pid_that_nobody_has_is_dead),
        TEST(what_is_refused_stays),
        TEST(what_may_live_out_of_sight_stays),
        TEST(other_users_files_are_none_of_ours),
        TEST(a_directory_that_is_not_there_is_an_error),
    };

    return RUN(tests);
}
