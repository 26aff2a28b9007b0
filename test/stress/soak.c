/* Allocates in many threads for a chosen time and holds the shim's figure
 * against its own truth once a second.
 *
 *     soak [SECONDS [THREADS [SEED]]]
 *
 * Every second: all threads rest, used is compared, a fork child compares and
 * allocates for itself, and every few seconds all threads end and others
 * begin.  One line a minute; exits with 1 at the first drift.
 *
 * Not with GCSHIM_SAMPLE: for each thread that takes a stack the loader asks
 * for 16 bytes (docs/stacks.md), which are in use and not in the truth here.
 */
#include "gcshim/gcshim.h"
#include "workers.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { RENEW_EVERY = 5, TELL_EVERY = 60, SLICE_MS = 1000 };

static int64_t base;

static int64_t drift(void)
{
    return (int64_t)gcshim_used() - base - workers_truth().bytes;
}

static bool is_right(const char *who)
{
    int64_t bytes = drift();
    if (bytes != 0)
        fprintf(stderr, "%s: drift of %ld bytes\n", who, (long)bytes);
    return bytes == 0;
}

static int child(void)
{
    uint64_t before = gcshim_used();
    if (!is_right("child"))
        return 1;
    void *p = malloc(100000);
    if (gcshim_used() - before != malloc_usable_size(p))
        return 2;
    free(p);
    return gcshim_used() != before;
}

static bool child_is_right(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(child());
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void run_slice(void)
{
    struct timespec slice = {SLICE_MS / 1000, SLICE_MS % 1000 * 1000000L};
    workers_resume();
    nanosleep(&slice, NULL); /* the load itself, not a condition awaited */
    workers_pause();
}

static long argument(int argc, char **argv, int i, long preset)
{
    return argc > i ? strtol(argv[i], NULL, 10) : preset;
}

int main(int argc, char **argv)
{
    static char line_buffer[BUFSIZ];
    long seconds = argument(argc, argv, 1, 10);
    int threads = (int)argument(argc, argv, 2, 8);
    uint64_t seed = (uint64_t)argument(argc, argv, 3, 1);
    if (!gcshim_used || threads < 1 || threads > WORKERS_MAX) {
        fprintf(stderr, "soak: run under libgcshim.so, with 1 to %d threads\n",
                WORKERS_MAX);
        return 2;
    }
    setvbuf(stdout, line_buffer, _IOLBF, sizeof(line_buffer));
    workers_start(threads, 0, seed);
    base = (int64_t)gcshim_used();

    long children = 0, renewals = 0;
    for (long second = 1; second <= seconds; second++) {
        run_slice();
        if (!is_right("parent") || !child_is_right() || !is_right("parent"))
            return 1;
        children++;
        if (second % RENEW_EVERY == 0) {
            workers_renew();
            renewals++;
        }
        if (second % TELL_EVERY == 0)
            printf("%ld s, drift 0\n", second);
    }
    uint64_t operations = workers_truth().operations;
    workers_release();
    int64_t final_drift = drift();
    workers_stop();
    printf("seconds %ld, threads %d, operations %lu, children %ld, renewals "
           "of all threads %ld, drift of gcshim %ld bytes\n",
           seconds, threads, operations, children, renewals, (long)final_drift);
    return final_drift != 0;
}
