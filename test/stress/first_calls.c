/* A child made around libc's fork, and its first call.
 *
 *     first_calls CALL main|thread    which thread makes the child
 *
 * Prints "ready" and waits for a line; makes the child, which makes that call
 * alone; prints "made" and waits again.  In between the parent does nothing
 * that the shim could know of, so that its file is the same before and after.
 */
#include "gcshim/gcshim.h"

#include <malloc.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SMALL = 64, LARGE = 50000, HUGE = 256 * 1024, TICK_BLOCKS = 40 };

/* Of the parent. */
static void *small, *huge;

static bool malloc_small(void)
{
    return malloc(SMALL);
}

static bool malloc_large(void)
{
    return malloc(LARGE);
}

/* One lies on the shelf. */
static bool malloc_huge(void)
{
    return malloc(HUGE);
}

static bool malloc_too_much(void)
{
    return !malloc(PTRDIFF_MAX - HUGE);
}

static bool calloc_small(void)
{
    return calloc(1, SMALL);
}

static bool calloc_huge(void)
{
    return calloc(1, HUGE);
}

static bool aligned_huge(void)
{
    return memalign(HUGE, HUGE);
}

static bool free_small(void)
{
    free(small);
    return true;
}

static bool free_huge(void)
{
    free(huge);
    return true;
}

static bool realloc_small(void)
{
    return realloc(small, HUGE);
}

static bool realloc_in_place(void)
{
    return realloc(huge, HUGE - 1) == huge;
}

static bool realloc_larger(void)
{
    return realloc(huge, 3 * HUGE);
}

static bool realloc_too_much(void)
{
    return !realloc(huge, PTRDIFF_MAX - HUGE);
}

static bool collect(void)
{
    gcshim_gc_begin(GCSHIM_GC_WHOLE);
    gcshim_gc_end(0);
    return true;
}

static bool ask(void)
{
    return gcshim_gc_should_collect() == 0 && gcshim_gc_goal() > 0 &&
           gcshim_used() >= SMALL + HUGE;
}

static bool inform(void)
{
    return mallinfo2().uordblks > 0;
}

static bool trim(void)
{
    malloc_trim(0);
    return true;
}

static const struct call {
    const char *name;
    bool (*make)(void);
    bool is_again; /* the parent makes it too, before */
} calls[] = {
    {"malloc_small", malloc_small, false},
    {"malloc_large", malloc_large, false},
    {"malloc_huge", malloc_huge, false},
    {"malloc_too_much", malloc_too_much, false},
    {"calloc_small", calloc_small, false},
    {"calloc_huge", calloc_huge, false},
    {"aligned_huge", aligned_huge, false},
    {"free_small", free_small, false},
    {"free_huge", free_huge, false},
    {"realloc_small", realloc_small, false},
    {"realloc_in_place", realloc_in_place, false},
    {"realloc_larger", realloc_larger, false},
    {"realloc_too_much", realloc_too_much, false},
    {"collect", collect, false},
    {"collect_again", collect, true},
    {"ask", ask, false},
    {"ask_again", ask, true},
    {"inform", inform, false},
    {"trim", trim, false},
};
static const struct call *call;

static void say_and_wait(const char *line)
{
    char c;
    if (write(STDOUT_FILENO, line, strlen(line)) < 0)
        _exit(3);
    do {
        if (read(STDIN_FILENO, &c, 1) != 1)
            _exit(4);
    } while (c != '\n');
}

static void *make_child(void *arg)
{
    int status;
    small = malloc(SMALL);
    huge = malloc(HUGE);
    for (int i = 0; i < TICK_BLOCKS; i++)
        free(malloc(LARGE));
    free(malloc(HUGE));
    if (call->is_again && !call->make())
        _exit(6);
    say_and_wait("ready\n");
    pid_t pid = (pid_t)syscall(SYS_fork);
    if (pid == 0)
        _exit(!call->make());
    if (waitpid(pid, &status, 0) != pid || status != 0)
        _exit(5);
    say_and_wait("made\n");
    return arg;
}

int main(int argc, char **argv)
{
    pthread_t thread;
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        if (argc > 2 && strcmp(argv[1], calls[i].name) == 0)
            call = &calls[i];
    if (!call || !gcshim_used) {
        fprintf(stderr, "first_calls: no such call, or no shim\n");
        return 2;
    }
    if (strcmp(argv[2], "main") == 0)
        make_child(NULL);
    else if (pthread_create(&thread, NULL, make_child, NULL) ||
             pthread_join(thread, NULL))
        return 1;
    return 0;
}
