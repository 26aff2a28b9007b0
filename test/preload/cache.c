/* What a thread's cache keeps, and what it says of programs that misuse it.
 *
 *     cache double_free | write_after_free | double_free_elsewhere
 *     cache well | empty
 *     cache keeps | relay
 *
 * The last two print "ready" and wait for a line.
 */
#include "ledger.h"

#include <pthread.h>
#include <string.h>

enum { BYTES = 48, KEPT = 100, RELAYED = 200000 };

/* volatile: the compiler must not see what becomes of it. */
static char *volatile block;

static void *free_it(void *arg)
{
    free(block);
    return arg;
}

static void elsewhere(void *(*body)(void *))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, body, NULL) || pthread_join(thread, NULL))
        abort();
}

static void double_free(void)
{
    block = malloc(BYTES);
    free(block);
    free(block);
}

static void double_free_elsewhere(void)
{
    block = malloc(BYTES);
    free(block);
    elsewhere(free_it);
}

static void write_after_free(void)
{
    block = malloc(BYTES);
    free(block);
    block[BYTES / 2] = 1;
    block = malloc(BYTES);
}

static void well(void)
{
    for (size_t bytes = 1; bytes < 100000; bytes += bytes / 8 + 1) {
        block = calloc(1, bytes);
        for (size_t i = 0; i < bytes; i++)
            if (block[i])
                abort();
        memset(block, 1, malloc_usable_size(block));
        block = realloc(block, bytes * 2);
        memset(block, 2, malloc_usable_size(block));
        elsewhere(free_it);
        block = malloc(bytes);
        free(block);
    }
}

/* Blocks of no bytes, which hold nothing that a program has written. */
static void empty(void)
{
    for (int i = 0; i < KEPT; i++) {
        block = malloc(0);
        elsewhere(free_it);
        free(malloc(0));
        free(calloc(0, 1));
        free(aligned_alloc(BYTES / 3, 0));
    }
}

static void rest(void)
{
    say("ready\n", 6);
    await_line();
}

static void keeps(void)
{
    static char *blocks[KEPT];
    for (int i = 0; i < KEPT; i++)
        blocks[i] = malloc(BYTES);
    for (int i = 0; i < KEPT; i++)
        free(blocks[i]);
    free(malloc(1 << 20)); /* kept too; and a tick, which tells readers */
    free(malloc(100000));
    rest();
}

static char *volatile relayed[1000];

static void *free_relayed(void *arg)
{
    for (size_t i = 0; i < 1000; i++)
        free(relayed[i]);
    free(malloc(100000)); /* a tick */
    return arg;
}

/* Each thread frees what the first has asked for. */
static void relay(void)
{
    for (int i = 0; i < RELAYED; i += 1000) {
        for (size_t j = 0; j < 1000; j++)
            relayed[j] = malloc(BYTES);
        if (i % 10000)
            free_relayed(NULL);
        else
            elsewhere(free_relayed);
    }
    rest();
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(void);
    } scenarios[] = {
        {"double_free", double_free},
        {"double_free_elsewhere", double_free_elsewhere},
        {"write_after_free", write_after_free},
        {"well", well},
        {"empty", empty},
        {"keeps", keeps},
        {"relay", relay},
    };
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
        if (argc > 1 && strcmp(argv[1], scenarios[i].name) == 0) {
            scenarios[i].run();
            return 0;
        }
    return 2;
}
