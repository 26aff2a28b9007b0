/* Programs that know to the byte what they hold; test_exactness.py compares.
 *
 *   exact mixed SEED STEPS   one thread, every way to ask and to give back
 *   exact plain SEED STEPS   the same without realloc, for the totals
 *   exact threads SEED STEPS eight threads that free each other's blocks
 *   exact sequence COUNT     so many threads, one after the other
 *   exact keys SEED          blocks freed by destructors at thread exit
 *   exact fork               a parent and its child, each with its account
 *   exact inside SEED STEPS  as mixed, asking gcshim_used() itself
 *   exact crowd COUNT        so many threads alive at once, asking likewise
 */
#include "ledger.h"

#include <errno.h>
#include <gcshim/gcshim.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

enum { HELD = 4096, THREADS = 8, QUEUE = 1024, MIB = 1 << 20 };

struct worker {
    pthread_t thread;
    uint64_t seed;
    struct ledger ledger;
    void *held[HELD];
};

static struct worker workers[THREADS];
static struct ledger mine;
static int steps;
static bool with_realloc = true;
static pthread_barrier_t barrier;

static void *allocate(uint64_t *seed)
{
    size_t size = random_size(seed);
    if (next_random(seed) % 2048 == 0)
        size = (size_t)(20 + next_random(seed) % 45) * MIB;
    size_t align = (size_t)16 << next_random(seed) % 10;
    void *block = NULL;
    switch (next_random(seed) % 8) {
    case 0: return calloc(1 + size % 7, size / 7 + 1);
    case 1: return aligned_alloc(align, size);
    case 2: return posix_memalign(&block, align, size) ? NULL : block;
    case 3: return memalign(align, size);
    case 4: return reallocarray(NULL, 3, size / 3 + 1);
    case 5: return next_random(seed) % 64 ? malloc(size) : valloc(size);
    default: return malloc(size);
    }
}

static void replace(struct worker *worker, void **at)
{
    if (*at) {
        ledger_sub(&worker->ledger, *at);
        free(*at);
        *at = NULL;
    } else {
        *at = allocate(&worker->seed);
        ledger_add(&worker->ledger, *at);
    }
}

static void resize(struct worker *worker, void **at)
{
    size_t size = random_size(&worker->seed) + 1;
    if (*at)
        ledger_sub(&worker->ledger, *at);
    *at = realloc(*at, size);
    ledger_add(&worker->ledger, *at);
}

static void mix(struct worker *worker)
{
    for (int i = 0; i < steps; i++) {
        void **at = &worker->held[next_random(&worker->seed) % HELD];
        if (with_realloc && next_random(&worker->seed) % 4 == 0)
            resize(worker, at);
        else
            replace(worker, at);
    }
}

static void free_held(struct worker *worker)
{
    for (int i = 0; i < HELD; i++)
        if (worker->held[i])
            replace(worker, &worker->held[i]);
}

static int mixed(uint64_t seed)
{
    workers[0].seed = seed;
    ledger_report(&workers[0].ledger);
    for (int round = 0; round < 3; round++) {
        mix(&workers[0]);
        ledger_report(&workers[0].ledger);
    }
    free_held(&workers[0]);
    ledger_report(&workers[0].ledger);
    return 0;
}

/* Blocks on their way to a thread that will free them. */
static struct queue {
    pthread_mutex_t lock;
    void *blocks[QUEUE];
    int length;
} queues[THREADS];

static bool queue_put(struct queue *queue, void *block)
{
    pthread_mutex_lock(&queue->lock);
    bool room = queue->length < QUEUE;
    if (room)
        queue->blocks[queue->length++] = block;
    pthread_mutex_unlock(&queue->lock);
    return room;
}

static void *queue_take(struct queue *queue)
{
    pthread_mutex_lock(&queue->lock);
    void *block = queue->length ? queue->blocks[--queue->length] : NULL;
    pthread_mutex_unlock(&queue->lock);
    return block;
}

static void hand_over(struct worker *worker)
{
    void *block = allocate(&worker->seed);
    ledger_add(&worker->ledger, block);
    if (!queue_put(&queues[next_random(&worker->seed) % THREADS], block)) {
        ledger_sub(&worker->ledger, block);
        free(block);
    }
}

static void take_over(struct worker *worker)
{
    void *block = queue_take(&queues[worker - workers]);
    if (!block)
        return;
    ledger_sub(&worker->ledger, block);
    free(block);
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    pthread_barrier_wait(&barrier); /* all alive */
    pthread_barrier_wait(&barrier); /* baseline taken */
    for (int i = 0; i < steps; i++) {
        hand_over(worker);
        if (i % 4)
            take_over(worker);
        void **at = &worker->held[next_random(&worker->seed) % HELD];
        i % 8 ? replace(worker, at) : resize(worker, at);
    }
    pthread_barrier_wait(&barrier); /* work done, all alive */
    pthread_barrier_wait(&barrier); /* may exit */
    return NULL;
}

static void meet(void)
{
    pthread_barrier_wait(&barrier);
}

static struct ledger everybody(void)
{
    struct ledger sum = mine;
    for (int i = 0; i < THREADS; i++)
        ledger_join(&sum, &workers[i].ledger);
    return sum;
}

static void report_everybody(void)
{
    struct ledger sum = everybody();
    ledger_report(&sum);
}

static void threads_start(void)
{
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
            abort();
    meet();
}

static void threads_join(void)
{
    for (int i = 0; i < THREADS; i++)
        pthread_join(workers[i].thread, NULL);
}

/* libc keeps stacks, and blocks with them, for the next threads: one round
 * without work before anything is compared. */
static void threads_warm_up(void)
{
    int later = steps;
    steps = 0;
    threads_start();
    meet();
    meet();
    meet();
    threads_join();
    steps = later;
    for (int i = 0; i < THREADS; i++)
        if (workers[i].ledger.freed_blocks)
            abort();
}

static int threads(uint64_t seed)
{
    for (int i = 0; i < THREADS; i++) {
        workers[i].seed = seed + (uint64_t)i;
        pthread_mutex_init(&queues[i].lock, NULL);
    }
    pthread_barrier_init(&barrier, NULL, THREADS + 1);
    threads_warm_up();
    report_everybody(); /* no thread */
    threads_start();
    report_everybody(); /* threads alive, nothing done */
    meet();
    meet();
    report_everybody(); /* threads alive, all done */
    meet();
    threads_join();
    report_everybody(); /* threads gone, their blocks live on */
    for (int i = 0; i < THREADS; i++) {
        free_held(&workers[i]);
        while (queues[i].length)
            take_over(&workers[i]);
    }
    report_everybody(); /* everything freed */
    return 0;
}

/* Each thread takes some blocks and leaves half of them to the next. */
static void *pass_on(void *argument)
{
    struct worker *worker = argument;
    for (int i = 0; i < 64; i++)
        replace(worker, &worker->held[next_random(&worker->seed) % 128]);
    return NULL;
}

static void run_one(void *(*start)(void *), void *argument)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, start, argument))
        abort();
    pthread_join(thread, NULL);
}

static void *nothing(void *argument)
{
    return argument;
}

static int sequence(uint64_t count)
{
    workers[0].seed = count;
    run_one(nothing, NULL);
    ledger_report(&workers[0].ledger);
    for (uint64_t i = 0; i < count; i++)
        run_one(pass_on, &workers[0]);
    ledger_report(&workers[0].ledger);
    free_held(&workers[0]);
    ledger_report(&workers[0].ledger);
    return 0;
}

/* Destructors run in rounds; each of these frees a block and, until the last
 * round, leaves another. */
static pthread_key_t key;

static void destroy(void *block)
{
    static int round;
    ledger_sub(&mine, block);
    free(block);
    if (++round % 4 == 0)
        return;
    void *next = malloc((size_t)round * 100);
    ledger_add(&mine, next);
    pthread_setspecific(key, next);
}

static void *with_key(void *argument)
{
    void *block = malloc(1000);
    ledger_add(&mine, block);
    pthread_setspecific(key, block);
    return argument;
}

static int keys(void)
{
    pthread_key_create(&key, destroy);
    run_one(nothing, NULL);
    ledger_report(&mine);
    for (int i = 0; i < 100; i++)
        run_one(with_key, NULL);
    ledger_report(&mine);
    return 0;
}

/* The child speaks on the same stream: its pid, then its totals. */
static void child(void)
{
    char line[64];
    say(line, snprintf(line, sizeof line, "%d\n", (int)getpid()));
    ledger_report(&mine);
    void *block = malloc(3 * MIB);
    ledger_add(&mine, block);
    ledger_report(&mine);
    exit(0);
}

static int forked(void)
{
    int status = 0;
    ledger_report(&mine);
    void *block = malloc(MIB);
    ledger_add(&mine, block);
    pid_t pid = fork();
    if (pid == 0)
        child();
    if (waitpid(pid, &status, 0) != pid || status)
        return 1;
    ledger_report(&mine);
    ledger_sub(&mine, block);
    free(block);
    ledger_report(&mine);
    return 0;
}

static uint64_t live(const struct ledger *ledger)
{
    return ledger->allocated_bytes - ledger->freed_bytes;
}

static int inside(uint64_t seed)
{
    if (!gcshim_used)
        return 2;
    workers[0].seed = seed;
    uint64_t before = gcshim_used();
    for (int round = 0; round < 10; round++) {
        mix(&workers[0]);
        if (gcshim_used() - before != live(&workers[0].ledger))
            return 1;
    }
    free_held(&workers[0]);
    if (gcshim_used() != before)
        return 1;
    say("exact\n", 6);
    return 0;
}

/* Threads that take a block, free it, and meet before, between and after. */
static void *crowd_member(void *argument)
{
    struct ledger *ledger = argument;
    meet();
    meet();
    void *block = malloc(500);
    ledger_add(ledger, block);
    meet();
    meet();
    ledger_sub(ledger, block);
    free(block);
    meet();
    meet();
    return NULL;
}

static bool crowd_agrees(const struct ledger *ledgers, uint64_t count,
                         uint64_t before)
{
    uint64_t sum = 0;
    meet();
    for (uint64_t i = 0; i < count; i++)
        sum += live(&ledgers[i]);
    bool agrees = gcshim_used() - before == sum;
    meet();
    return agrees;
}

static int crowd(uint64_t count)
{
    pthread_t *ids = calloc(count, sizeof *ids);
    struct ledger *ledgers = calloc(count, sizeof *ledgers);
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 32 << 10);
    pthread_barrier_init(&barrier, NULL, (unsigned)count + 1);
    for (uint64_t i = 0; i < count; i++)
        if (pthread_create(&ids[i], &small, crowd_member, &ledgers[i]))
            return 77;
    meet();
    uint64_t before = gcshim_used();
    meet();
    bool agrees = crowd_agrees(ledgers, count, before);
    agrees &= crowd_agrees(ledgers, count, before);
    for (uint64_t i = 0; i < count; i++)
        pthread_join(ids[i], NULL);
    say(agrees ? "exact\n" : "wrong\n", 6);
    return 0;
}

int main(int argc, char **argv)
{
    const char *mode = argc > 1 ? argv[1] : "";
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    steps = argc > 3 ? atoi(argv[3]) : 0;
    if (!strcmp(mode, "mixed"))
        return mixed(seed);
    if (!strcmp(mode, "plain"))
        return with_realloc = false, mixed(seed);
    if (!strcmp(mode, "threads"))
        return threads(seed);
    if (!strcmp(mode, "sequence"))
        return sequence(seed);
    if (!strcmp(mode, "keys"))
        return keys();
    if (!strcmp(mode, "fork"))
        return forked();
    if (!strcmp(mode, "inside"))
        return inside(seed);
    if (!strcmp(mode, "crowd"))
        return crowd(seed);
    return 64;
}
