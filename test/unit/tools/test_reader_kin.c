/* The ancestor of a process is the nearest one that has an account. */
#include "reader/kin.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reader/proc.h"
#include "unit.h"

static struct reader_process processes[4];
static struct reader_survey survey;

static int begin(void **state)
{
    (void)state;
    memset(processes, 0, sizeof(processes));
    survey = (struct reader_survey){.processes = processes};
    return 0;
}

/* Adds one that began at that tick; in order of their pids. */
static struct reader_process *add(uint32_t pid, uint32_t parent, uint64_t ticks)
{
    struct reader_process *process = &processes[survey.process_count++];

    *process = (struct reader_process){
        .pid = pid,
        .namespace_pid = pid,
        .parent_pid = parent,
        .start_time_ticks = ticks,
        .created_ns = pid,
    };
    return process;
}

static void find(void)
{
    assert_int_equal(kin_find(&survey), 0);
}

static struct reader_process *add_real(pid_t pid)
{
    struct proc proc;

    assert_int_equal(proc_open(&proc, (uint32_t)pid), 0);
    proc_close(&proc);
    return add((uint32_t)pid, proc.stat.parent_pid, proc.stat.start_time_ticks);
}

/* A child whose child waits to be killed; tells that one's pid. */
static pid_t grandchild_make(pid_t *ret_grandchild)
{
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();

    if (child == 0) {
        pid_t grandchild = fork();

        if (grandchild > 0 &&
            write(ends[1], &grandchild, sizeof(grandchild)) < 0)
            _exit(1);
        for (;;)
            pause();
    }
    assert_int_equal(read(ends[0], ret_grandchild, sizeof(*ret_grandchild)),
                     sizeof(*ret_grandchild));
    close(ends[0]);
    close(ends[1]);
    return child;
}

static void parents_without_an_account_are_passed_over(void **state)
{
    (void)state;
    pid_t grandchild = 0;
    pid_t child = grandchild_make(&grandchild);

    add_real(getpid());
    struct reader_process *youngest = add_real(grandchild);

    assert_int_equal(youngest->parent_pid, child);
    find();
    kill(grandchild, SIGKILL);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(youngest->ancestor_pid, getpid());
    assert_int_equal(youngest->ancestor_created_ns, getpid());
    assert_int_equal(processes[0].ancestor_pid, 0);
}

static void a_pid_that_went_to_a_younger_process_is_no_parent(void **state)
{
    (void)state;
    struct reader_process *older = add(10, 20, 1000);
    struct reader_process *younger = add(20, 1, 2000);

    older->state = READER_DEAD;
    find();
    assert_int_equal(older->ancestor_pid, 0);
    older->start_time_ticks = 3000;
    find();
    assert_int_equal(older->ancestor_pid, 20);
    assert_int_equal(younger->ancestor_pid, 0);
}

static void no_two_are_each_others_ancestor(void **state)
{
    (void)state;
    struct reader_process *first = add(10, 20, 5);
    struct reader_process *second = add(20, 10, 5);

    first->state = second->state = READER_DEAD;
    find();
    assert_int_equal(first->ancestor_pid, 0);
    assert_int_equal(second->ancestor_pid, 10);
}

static void a_dead_one_of_a_container_has_no_ancestor_here(void **state)
{
    (void)state;
    struct reader_process *dead = NULL;

    add(10, 1, 5);
    dead = add(20, 10, 6);
    dead->state = READER_DEAD;
    dead->pid_namespace = 42;
    find();
    assert_int_equal(dead->ancestor_pid, 0);
    dead->pid_namespace = 0;
    find();
    assert_int_equal(dead->ancestor_pid, 10);
    /* Nor is one anybody's. */
    dead->ancestor_pid = 0;
    processes[0].state = READER_DEAD;
    processes[0].pid_namespace = 42;
    find();
    assert_int_equal(dead->ancestor_pid, 0);
}

#define TEST(function) cmocka_unit_test_setup(function, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parents_without_an_account_are_passed_over),
        TEST(a_pid_that_went_to_a_younger_process_is_no_parent),
        TEST(no_two_are_each_others_ancestor),
        TEST(a_dead_one_of_a_container_has_no_ancestor_here),
    };

    return RUN(tests);
}
