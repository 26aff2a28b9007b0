/* Forks again and again while other threads allocate; each child holds its
 * own account against the truth as it stood in the instant of the fork.
 *
 *     forks [CHILDREN [THREADS [HOW]]]
 *
 *     HOW  fork, _Fork, clone (around libc), handlers (fork, with handlers
 *          that allocate), nested (a child forks a child, and so on), spawn
 *          (posix_spawn, vfork, popen and system: what shares or replaces
 *          the parent's memory; only the parent's account is compared)
 *
 * A worker marks the time it is in an operation, for then its truth and the
 * account need not agree; a child that finds one marked proves nothing and is
 * not counted.  Afterwards the parent's account is compared too.
 */
#include "gcshim/gcshim.h"
#include "workers.h"

#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Idle for longer than the kernel takes to copy the address space: a worker
 * that is not stopped by a page fault in that time runs on. */
enum { IDLE_LOOPS = 1000000, UNDECIDED = 77, GENERATIONS = 5 };

static int64_t base;
static const char *how = "fork";

static bool is_how(const char *name)
{
    return strcmp(how, name) == 0;
}

static pid_t fork_somehow(void)
{
    if (is_how("_Fork"))
        return _Fork();
    if (is_how("clone"))
        return (pid_t)syscall(SYS_fork);
    return fork();
}

static int child(void)
{
    struct workers_truth truth = workers_truth();
    void *p = malloc(54321); /* the first call of a child made around fork */
    uint64_t used = gcshim_used();
    int64_t own = (int64_t)malloc_usable_size(p);

    if (truth.in_flight)
        return UNDECIDED;
    if ((int64_t)used - own - base != truth.bytes)
        return 1;
    free(p);
    return (int64_t)gcshim_used() - base != truth.bytes ? 2 : 0;
}

static int family(int generations)
{
    int status = child();
    if (status != 0 || generations == 0)
        return status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(family(generations - 1));
    if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return 3;
    return WEXITSTATUS(status);
}

static void *handler_block;

static void prepare(void)
{
    handler_block = malloc(3000);
}

static void finish(void)
{
    free(handler_block);
    free(malloc(70000));
}

/* 0 if the children ran as they should. */
static int spawn(void)
{
    static char *const argv[] = {"true", NULL};
    int status;
    pid_t pid;
    if (system("true") != 0)
        return 1;
    FILE *pipe = popen("true", "r");
    if (!pipe || pclose(pipe) != 0)
        return 1;
    if (posix_spawnp(&pid, "true", NULL, NULL, argv, environ) != 0)
        return 2;
    waitpid(pid, &status, 0);
    pid = vfork();
    if (pid == 0) {
        execv("/nowhere/to/be/found", argv);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status) != 127;
}

/* As waitpid does. */
static int run_child(void)
{
    int status;
    if (is_how("spawn"))
        return spawn();
    pid_t pid = fork_somehow();
    if (pid == 0)
        _exit(is_how("nested") ? family(GENERATIONS) : child());
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        exit(2);
    return status;
}

int main(int argc, char **argv)
{
    long children = argc > 1 ? strtol(argv[1], NULL, 10) : 200;
    int threads = argc > 2 ? (int)strtol(argv[2], NULL, 10) : 3;
    how = argc > 3 ? argv[3] : how;
    if (!gcshim_used || threads < 1 || threads > WORKERS_MAX) {
        fprintf(stderr, "forks: run under libgcshim.so\n");
        return 2;
    }
    static char line_buffer[BUFSIZ];
    setvbuf(stdout, line_buffer, _IOLBF, sizeof(line_buffer));
    if (is_how("handlers"))
        pthread_atfork(prepare, finish, finish);
    workers_start(threads, IDLE_LOOPS, 7);
    base = (int64_t)gcshim_used();
    workers_resume();

    long right = 0, wrong = 0, undecided = 0;
    for (long i = 0; i < children; i++) {
        int status = run_child();
        if (status == 0)
            right++;
        else if (WIFEXITED(status) && WEXITSTATUS(status) == UNDECIDED)
            undecided++;
        else
            wrong++;
    }
    workers_pause();
    int64_t drift = (int64_t)gcshim_used() - base - workers_truth().bytes;
    printf("%s: children right %ld, wrong %ld, undecided %ld, drift of the "
           "parent %ld bytes\n",
           how, right, wrong, undecided, (long)drift);
    return wrong != 0 || drift != 0 || right == 0;
}
