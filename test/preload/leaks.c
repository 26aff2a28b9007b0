/* Leaves blocks behind from places that have names.  leaks [STATUS [SIGNAL]] */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

enum { TICKS = 100, TICK_BYTES = 100000, CACHED = 10 };

static void *volatile last;

__attribute__((noinline)) static void take(size_t bytes)
{
    last = malloc(bytes);
    memset(last, 1, bytes);
}

__attribute__((noinline)) static void leak_one(void)
{
    take(5000);
    __asm__ volatile(""); /* no tail call: the frame stays on the stack */
}

__attribute__((noinline)) static void fill_cache(void)
{
    for (int i = 0; i < CACHED; i++)
        take(100);
}

/* For the shim to begin. */
__attribute__((noinline)) static void warm_up(void)
{
    for (int i = 0; i < TICKS; i++) {
        take(TICK_BYTES);
        free(last);
    }
}

int main(int argc, char **argv)
{
    warm_up();
    leak_one();
    fill_cache();
    if (argc > 2)
        (void)raise(atoi(argv[2]));
    return argc > 1 ? atoi(argv[1]) : 0;
}
