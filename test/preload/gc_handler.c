/* A C signal handler that allocates, for a program that is paced: loaded by
 * Python through ctypes.
 *
 * Each call passes a tick, so that the pacer would be asked if it could be.
 * The blocks are of a size that the program itself has no use for, in a page
 * that is there already: mimalloc makes no promise to handlers. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { BYTES = 50000, INTERVAL_US = 200 };

static _Atomic long calls;
static void *kept;

static void on_alarm(int number)
{
    (void)number;
    void *one = malloc(BYTES), *two = malloc(BYTES);
    free(one);
    free(two);
    atomic_fetch_add(&calls, 1);
}

long handler_calls(void);
void handler_start(void);
void handler_stop(void);

long handler_calls(void)
{
    return atomic_load(&calls);
}

static void timer_set(long interval_us)
{
    struct itimerval timer = {{0, interval_us}, {0, interval_us}};
    setitimer(ITIMER_REAL, &timer, NULL);
}

void handler_start(void)
{
    void *more[8];
    for (int i = 0; i < 8; i++)
        more[i] = malloc(BYTES);
    kept = malloc(BYTES);
    for (int i = 0; i < 8; i++)
        free(more[i]);
    struct sigaction action = {.sa_handler = on_alarm,
                               .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &action, NULL);
    timer_set(INTERVAL_US);
}

void handler_stop(void)
{
    timer_set(0);
    free(kept);
}
