/* A library that allocates as it is loaded and frees as it is unloaded, and
 * starts a thread in its constructor and waits for it: under the loader's
 * lock, which the thread's first malloc must therefore not want. */
#include <pthread.h>
#include <stdlib.h>

static void *blocks[100];

static void *allocate(void *arg)
{
    free(malloc(1000));
    return arg;
}

__attribute__((constructor)) static void load(void)
{
    pthread_t thread;
    for (size_t i = 0; i < 100; i++)
        blocks[i] = malloc(i * 100);
    if (pthread_create(&thread, NULL, allocate, NULL) == 0)
        pthread_join(thread, NULL);
}

__attribute__((destructor)) static void unload(void)
{
    for (size_t i = 0; i < 100; i++)
        free(blocks[i]);
}
