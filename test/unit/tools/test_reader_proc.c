/* What the kernel says is understood, whatever a process calls itself. */
#include "reader/proc.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "unit.h"

#define TAIL                                                                \
    "S 42 1 1 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 7 0 9000 1 2 3 4 5 140000 " \
    "7 8 9\n"

static void a_plain_line_is_parsed(void **state)
{
    (void)state;
    struct proc_stat stat;

    assert_int_equal(proc_stat_parse("7 (cat) " TAIL, &stat), 0);
    assert_string_equal(stat.comm, "cat");
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.parent_pid, 42);
    assert_int_equal(stat.thread_count, 7);
    assert_int_equal(stat.start_time_ticks, 9000);
    assert_int_equal(stat.stack_start, 140000);
}

static void a_name_may_hold_blanks_and_parentheses(void **state)
{
    (void)state;
    struct proc_stat stat;

    assert_int_equal(proc_stat_parse("7 (a) R 1 (b c) " TAIL, &stat), 0);
    assert_string_equal(stat.comm, "a) R 1 (b c");
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.start_time_ticks, 9000);
}

static void a_name_may_hold_a_new_line(void **state)
{
    (void)state;
    struct proc_stat stat;

    assert_int_equal(proc_stat_parse("7 (a\nb\x1b) " TAIL, &stat), 0);
    assert_string_equal(stat.comm, "a?b?");
    assert_int_equal(stat.start_time_ticks, 9000);
}

static void a_broken_line_is_none(void **state)
{
    (void)state;
    static const char *const broken[] = {"", "7", "7 (cat", "7 )cat(",
                                         "7 (cat) S 1 2 3\n"};
    struct proc_stat stat;

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_int_equal(proc_stat_parse(broken[i], &stat), -EPROTO);
}

static void the_innermost_pid_is_the_last(void **state)
{
    (void)state;
    uint32_t pid = 0;

    assert_int_equal(
        proc_nspid_parse("Name:\tx\nNStgid:\t9\nNSpid:\t4711\t7\nNSpgid:\t0\n",
                         &pid),
        0);
    assert_int_equal(pid, 7);
    assert_int_equal(proc_nspid_parse("NSpid:\t4711\n", &pid), 0);
    assert_int_equal(pid, 4711);
    assert_int_equal(proc_nspid_parse("NSpid:\t4711\t31\t2", &pid), 0);
    assert_int_equal(pid, 2);
}

static void a_status_without_pids_is_none(void **state)
{
    (void)state;
    static const char *const broken[] = {"",
                                         "Name:\tNSpid\n",
                                         "NSpid:\n",
                                         "NSpid:\t\nNSpgid:\t3\n",
                                         "NSpid:\t0\n",
                                         "NSpid:\t7\t99999999999\n",
                                         "NSpid:\t-1\n"};
    uint32_t pid = 99;

    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
        assert_int_equal(proc_nspid_parse(broken[i], &pid), -EPROTO);
    assert_int_equal(pid, 99);
}

static void this_process_has_one_pid_and_one_thread(void **state)
{
    (void)state;
    struct proc proc;
    struct proc_tid *tids = NULL;
    size_t count = 0;

    assert_int_equal(proc_open(&proc, (uint32_t)getpid()), 0);
    assert_int_equal(proc_tids_read(&proc, &tids, &count), 0);
    assert_int_equal(count, 1);
    assert_int_equal(tids[0].tid, getpid());
    assert_int_equal(tids[0].namespace_tid, getpid());
    free(tids);
    proc_close(&proc);
}

static void this_process_is_running(void **state)
{
    (void)state;
    struct proc proc;
    struct proc_status status;
    struct proc_stat thread;
    char command[READER_COMMAND_BYTES];

    assert_int_equal(proc_open(&proc, (uint32_t)getpid()), 0);
    assert_true(proc_is_running(&proc));
    assert_int_equal(proc_status_read(&proc, &status), 0);
    assert_int_equal(status.uid, geteuid());
    assert_int_equal(proc_thread_read(&proc, (uint32_t)getpid(), &thread), 0);
    assert_int_equal(proc_thread_read(&proc, 1, &thread), -ENOENT);
    proc_command_read(&proc, command);
    assert_null(strchr(command, '/'));
    assert_non_null(strstr(command, "unit_reader_proc"));
    proc_close(&proc);
    assert_true(proc_pid_namespace() != 0);
}

/* Not on the stack of the first thread, which goes with it. */
static int awaited_fd;

static void *outlive_first_thread(void *context)
{
    char byte = 0;

    (void)context;
    (void)!read(awaited_fd, &byte, 1);
    _exit(0);
}

/* A child whose first thread has ended while another goes on until the pipe
 * closes. */
static pid_t headless_make(int pipe_fds[2])
{
    pid_t pid = fork();

    if (pid != 0)
        return pid;
    pthread_t thread;

    close(pipe_fds[1]);
    awaited_fd = pipe_fds[0];
    pthread_create(&thread, NULL, outlive_first_thread, NULL);
    pthread_exit(NULL);
}

static void a_process_outlives_its_first_thread(void **state)
{
    (void)state;
    int pipe_fds[2];
    struct proc proc;
    struct proc_status status;

    assert_int_equal(pipe(pipe_fds), 0);
    pid_t pid = headless_make(pipe_fds);

    assert_true(pid > 0);
    do { /* until the first thread has got there */
        assert_int_equal(proc_open(&proc, (uint32_t)pid), 0);
        assert_true(proc_is_running(&proc));
        if (proc.stat.state != 'Z')
            proc_close(&proc);
    } while (proc.stat.state != 'Z');
    assert_int_equal(proc_status_read(&proc, &status), 0);
    assert_true(status.rss_bytes != READER_UNKNOWN && status.rss_bytes > 0);
    close(pipe_fds[1]);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    proc_close(&proc);
    close(pipe_fds[0]);
}

static void a_process_that_is_gone_has_no_files(void **state)
{
    (void)state;
    struct proc proc;
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    assert_int_equal(proc_open(&proc, (uint32_t)pid), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_plain_line_is_parsed),
        cmocka_unit_test(a_name_may_hold_blanks_and_parentheses),
        cmocka_unit_test(a_name_may_hold_a_new_line),
        cmocka_unit_test(a_broken_line_is_none),
        cmocka_unit_test(the_innermost_pid_is_the_last),
        cmocka_unit_test(a_status_without_pids_is_none),
        cmocka_unit_test(this_process_has_one_pid_and_one_thread),
        cmocka_unit_test(this_process_is_running),
        cmocka_unit_test(a_process_outlives_its_first_thread),
        cmocka_unit_test(a_process_that_is_gone_has_no_files),
    };

    return RUN(tests);
}
