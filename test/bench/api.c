/* What a call of gcshim.h costs: api [SLOTS] prints nanoseconds a call where
 * so many threads have a slot (1).  Quiet threads, that is: what a busy one
 * changes meanwhile comes on top, a cache miss each.
 */
#include <gcshim/gcshim.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CALLS = 20000, ROUNDS = 200, SLOTS_MOST = 1024 };

static pthread_barrier_t all_have_a_slot, all_done;

static void *hold_slot(void *arg)
{
    free(malloc(100));
    pthread_barrier_wait(&all_have_a_slot);
    pthread_barrier_wait(&all_done);
    return arg;
}

static void call_used(void)
{
    gcshim_used();
}

static void call_snapshot(void)
{
    struct gcshim_snapshot snapshot;
    gcshim_snapshot(&snapshot, sizeof(snapshot));
}

static void call_should_collect(void)
{
    gcshim_gc_should_collect();
}

static void call_goal(void)
{
    gcshim_gc_goal();
}

static void call_begin_end(void)
{
    gcshim_gc_begin(0);
    gcshim_gc_end(0);
}

static const struct {
    const char *name;
    void (*call)(void);
} calls[] = {
    {"gcshim_used", call_used},
    {"gcshim_snapshot", call_snapshot},
    {"gcshim_gc_should_collect", call_should_collect},
    {"gcshim_gc_goal", call_goal},
    {"gcshim_gc_begin + gcshim_gc_end", call_begin_end},
};

static double now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* The best of some rounds: what else ran on the machine is not ours. */
static double measure(void (*call)(void))
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < CALLS; i++)
            call();
        double ns = (now_ns() - start) / CALLS;
        if (round == 0 || ns < best)
            best = ns;
    }
    return best;
}

int main(int argc, char **argv)
{
    long slots = argc > 1 ? atol(argv[1]) : 1;
    static pthread_t threads[SLOTS_MOST];
    if (slots < 1 || slots > SLOTS_MOST) {
        fprintf(stderr, "usage: api [SLOTS], 1 to %d\n", SLOTS_MOST);
        return 64;
    }
    free(malloc(100));
    pthread_barrier_init(&all_have_a_slot, NULL, (unsigned)slots);
    pthread_barrier_init(&all_done, NULL, (unsigned)slots);
    for (long i = 1; i < slots; i++)
        if (pthread_create(&threads[i], NULL, hold_slot, NULL))
            abort();
    pthread_barrier_wait(&all_have_a_slot);
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        printf("%-32s %7.1f ns\n", calls[i].name, measure(calls[i].call));
    pthread_barrier_wait(&all_done);
    for (long i = 1; i < slots; i++)
        pthread_join(threads[i], NULL);
    return 0;
}
