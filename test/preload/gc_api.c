/* The C API of gcshim.h, from within a program: gc_api WHAT [ARG].
 *
 * Says nothing and ends with 0 where all is as it should be; some print lines
 * of their own truth, for the test to compare with the segment. */
#include "gcshim/gcshim.h"
#include "ledger.h"
#include "verdict.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>

enum { BLOCKS = 4000, THREADS = 8, A_THREADS_COLLECTIONS = 500 };

static const uint64_t KiB = 1024, MiB = 1024 * 1024;

static struct gcshim_snapshot taken(void)
{
    struct gcshim_snapshot snapshot = {0};
    CHECK(gcshim_snapshot(&snapshot, sizeof snapshot) == 0);
    return snapshot;
}

static void *take(size_t bytes)
{
    void *p = malloc(bytes);
    if (!p)
        abort();
    return p;
}

/* ------------------------------------------------------------ the snapshot */

static void *blocks[BLOCKS];

static void churn(struct ledger *ledger, uint64_t *state)
{
    for (int i = 0; i < 20000; i++) {
        void **at = &blocks[next_random(state) % BLOCKS];
        if (*at) {
            ledger_sub(ledger, *at);
            free(*at);
            *at = NULL;
        } else {
            *at = malloc(random_size(state));
            ledger_add(ledger, *at);
        }
    }
}

static void count_huge(uint64_t *ret_blocks, uint64_t *ret_bytes)
{
    *ret_blocks = *ret_bytes = 0;
    for (int i = 0; i < BLOCKS; i++) {
        size_t bytes = blocks[i] ? malloc_usable_size(blocks[i]) : 0;
        *ret_blocks += bytes > 128 * KiB;
        *ret_bytes += bytes > 128 * KiB ? bytes : 0;
    }
}

static int snapshot(void)
{
    struct ledger own = {0, 0, 0, 0};
    uint64_t state = 4711, huge_blocks, huge_bytes;
    struct gcshim_snapshot was = taken();
    churn(&own, &state);
    struct gcshim_snapshot is = taken();
    count_huge(&huge_blocks, &huge_bytes);
    uint64_t used = own.allocated_bytes - own.freed_bytes;
    CHECK(is.used_bytes - was.used_bytes == used, "%lu, not %lu",
          is.used_bytes - was.used_bytes, used);
    CHECK(gcshim_used() == is.used_bytes);
    CHECK(is.allocated_total_bytes - was.allocated_total_bytes ==
          own.allocated_bytes);
    CHECK(is.allocated_total_blocks - was.allocated_total_blocks ==
          own.allocated_blocks);
    CHECK(is.freed_total_bytes - was.freed_total_bytes == own.freed_bytes);
    CHECK(is.freed_total_blocks - was.freed_total_blocks == own.freed_blocks);
    CHECK(is.huge_blocks - was.huge_blocks == huge_blocks && huge_blocks > 9,
          "%lu, not %lu", is.huge_blocks - was.huge_blocks, huge_blocks);
    CHECK(is.huge_bytes - was.huge_bytes == huge_bytes);
    CHECK(is.used_bytes <= is.used_peak_bytes);
    CHECK(is.used_bytes <= is.allocated_bytes);
    CHECK(is.allocated_bytes <= is.allocated_peak_bytes);
    return verdict();
}

/* A block that mimalloc has just committed is in use before that has been
 * published. */
static int used_within_allocated(void)
{
    for (int i = 0; i < 200; i++) {
        free(take(MiB * (uint64_t)(i + 1)));
        void *p = take(MiB * (uint64_t)(i + 1));
        struct gcshim_snapshot now = taken();
        CHECK(now.used_bytes <= now.allocated_bytes, "%lu of %lu",
              now.used_bytes, now.allocated_bytes);
        CHECK(now.allocated_bytes <= now.allocated_peak_bytes);
        CHECK(now.used_bytes <= now.used_peak_bytes);
        free(p);
    }
    return verdict();
}

static bool are_all(const unsigned char *from, size_t bytes, unsigned char c)
{
    for (size_t i = 0; i < bytes; i++)
        if (from[i] != c)
            return false;
    return true;
}

/* Of a program built with an older header, and with a newer one. */
static int sizes(void)
{
    struct gcshim_snapshot whole = taken();
    union {
        struct gcshim_snapshot snapshot;
        unsigned char bytes[512];
    } other;
    for (size_t bytes = 0; bytes <= sizeof other; bytes += 8) {
        size_t known = bytes < sizeof whole ? bytes : sizeof whole;
        memset(&other, 0x5a, sizeof other);
        CHECK(gcshim_snapshot(&other.snapshot, bytes) == 0);
        CHECK(memcmp(&other, &whole, known) == 0, "%zu bytes", bytes);
        CHECK(are_all(other.bytes + known, bytes - known, 0xff),
              "%zu bytes: later fields are to be unknown", bytes);
        CHECK(are_all(other.bytes + bytes, sizeof other - bytes, 0x5a),
              "%zu bytes: more was written", bytes);
    }
    return verdict();
}

static int keeps_errno(void)
{
    errno = ENOTTY;
    taken();
    gcshim_used();
    gcshim_gc_begin(GCSHIM_GC_WHOLE);
    gcshim_gc_end(1);
    gcshim_gc_should_collect();
    gcshim_gc_goal();
    gcshim_gc_on_request(NULL, NULL);
    CHECK(errno == ENOTTY, "%d", errno);
    return verdict();
}

/* ------------------------------------------------------------- collections */

/* Says what it knows itself: generation objects before after. */
static void collect(unsigned generation, uint64_t objects, size_t blocks_freed)
{
    uint64_t before = gcshim_used(), own = 0;
    gcshim_gc_begin(generation);
    for (size_t i = 0; i < BLOCKS && blocks_freed > 0; i++) {
        if (!blocks[i])
            continue;
        own += malloc_usable_size(blocks[i]);
        free(blocks[i]);
        blocks[i] = NULL;
        blocks_freed--;
    }
    gcshim_gc_end(objects);
    char line[128];
    say(line, snprintf(line, sizeof line, "%u %lu %lu %lu\n", generation,
                       (unsigned long)objects, (unsigned long)before,
                       (unsigned long)(before - own)));
}

static int collections(void)
{
    uint64_t state = 99;
    for (size_t i = 0; i < BLOCKS; i++)
        blocks[i] = take(random_size(&state) % 100000);
    collect(0, 1, 10);
    collect(1, 20, 200);
    collect(2, 300, 1000);
    collect(0, GCSHIM_UNKNOWN, 0);
    collect(1, 0, 1);
    collect(7, 5, 100); /* taken for a whole one */
    return verdict();
}

/* A collection that only allocates has given nothing back. */
static int growing(void)
{
    gcshim_gc_begin(1);
    void *p = take(MiB);
    gcshim_gc_end(0);
    free(p);
    return verdict();
}

static int nested(void)
{
    void *outer = take(MiB), *inner = take(2 * MiB);
    gcshim_gc_begin(2);
    free(outer);
    gcshim_gc_begin(0);
    free(inner);
    gcshim_gc_end(7);
    gcshim_gc_end(9);
    return verdict();
}

static int end_only(void)
{
    gcshim_gc_end(7);
    gcshim_gc_begin(1);
    gcshim_gc_end(8);
    gcshim_gc_end(9);
    return verdict();
}

static int many(uint64_t number)
{
    for (uint64_t i = 0; i < number; i++) {
        gcshim_gc_begin((unsigned)(i % 3));
        gcshim_gc_end(i);
    }
    return verdict();
}

static void *collect_often(void *arg)
{
    for (int i = 0; i < A_THREADS_COLLECTIONS; i++) {
        void *p = take(1000);
        gcshim_gc_begin((unsigned)i % 3);
        free(p);
        gcshim_gc_end(3);
    }
    return arg;
}

static void in_threads(void *(*body)(void *))
{
    pthread_t handles[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&handles[i], NULL, body, NULL))
            abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(handles[i], NULL);
}

static int threads(void)
{
    in_threads(collect_often);
    return verdict();
}

/* The child's segment is kept by GCSHIM_KEEP. */
static int forks(void)
{
    many(5);
    uint64_t used = gcshim_used(), goal = gcshim_gc_goal();
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        CHECK(gcshim_used() == used, "%lu, not %lu", gcshim_used(), used);
        CHECK(gcshim_gc_goal() == goal);
        many(2);
        exit(verdict());
    }
    waitpid(pid, &status, 0);
    CHECK(status == 0);
    return verdict();
}

/* --------------------------------------------------------------- the pacer */

static _Atomic int reasons, calls;

static void on_request(void *arg, int reason)
{
    atomic_fetch_or((_Atomic int *)arg, reason);
    atomic_fetch_add(&calls, 1);
}

/* In small blocks, up to so many bytes in use. */
static void *first;

static void grow_to(uint64_t bytes)
{
    while (gcshim_used() < bytes) {
        void **p = malloc(1000);
        if (!p)
            return;
        *p = first;
        first = p;
    }
}

static void shrink_to(uint64_t bytes)
{
    while (first && gcshim_used() > bytes) {
        void *next = *(void **)first;
        free(first);
        first = next;
    }
}

/* Once the goal is crossed, at the next tick and not before. */
static int request(void)
{
    CHECK(gcshim_gc_on_request(on_request, &reasons) == 0);
    uint64_t goal = gcshim_gc_goal();
    CHECK(goal != GCSHIM_UNKNOWN);
    grow_to(goal - 200 * KiB);
    CHECK(calls == 0 && gcshim_gc_should_collect() == 0);
    grow_to(goal + 200 * KiB);
    CHECK(calls > 0 && reasons == GCSHIM_GC_REASON_GOAL, "%d %d", calls,
          reasons);
    CHECK(gcshim_gc_should_collect() == 1);

    gcshim_gc_begin(GCSHIM_GC_WHOLE);
    shrink_to(goal / 2);
    gcshim_gc_end(GCSHIM_UNKNOWN);
    CHECK(gcshim_gc_should_collect() == 0);
    goal = gcshim_gc_goal();
    calls = 0;
    grow_to(goal - 200 * KiB);
    CHECK(calls == 0);
    grow_to(goal + 200 * KiB);
    CHECK(calls > 0);

    /* Again while it grows on. */
    int so_far = calls;
    grow_to(goal + 2 * MiB);
    CHECK(calls > so_far);

    CHECK(gcshim_gc_on_request(NULL, NULL) == 0);
    so_far = calls;
    grow_to(2 * goal);
    CHECK(calls == so_far, "called after it was taken back");
    return verdict();
}

/* Only a whole collection gives a new goal, and its own garbage no credit. */
static int goal(void)
{
    uint64_t at_first = gcshim_gc_goal();
    grow_to(3 * MiB);
    gcshim_gc_begin(0);
    gcshim_gc_end(GCSHIM_UNKNOWN);
    CHECK(gcshim_gc_goal() == at_first);
    gcshim_gc_begin(GCSHIM_GC_WHOLE);
    gcshim_gc_end(GCSHIM_UNKNOWN);
    CHECK(gcshim_gc_goal() != at_first);
    CHECK(gcshim_gc_goal() > gcshim_used());
    return verdict();
}

/* --------------------------------------------------------------- the limit */

/* Says how much more may come at each live size: 1, 2, ... MiB to the limit. */
static int budgets(uint64_t limit)
{
    for (uint64_t live = limit / 8; live < limit; live += limit / 8) {
        grow_to(live);
        gcshim_gc_begin(GCSHIM_GC_WHOLE);
        gcshim_gc_end(GCSHIM_UNKNOWN);
        char line[64];
        say(line, snprintf(line, sizeof line, "%lu %lu\n",
                           (unsigned long)gcshim_used(),
                           (unsigned long)gcshim_gc_goal()));
    }
    return verdict();
}

static void *by_realloc(size_t bytes)
{
    void *p = malloc(16), *q = p ? realloc(p, bytes) : NULL;
    if (!q) {
        int error = errno;
        free(p);
        errno = error;
    }
    return q;
}

static void *by_posix_memalign(size_t bytes)
{
    void *p = NULL;
    int error = posix_memalign(&p, 64, bytes);
    errno = error;
    return error ? NULL : p;
}

static void *by_memalign(size_t bytes)
{
    return memalign(4096, bytes);
}

static void *by_aligned_alloc(size_t bytes)
{
    return aligned_alloc(64, (bytes + 63) / 64 * 64);
}

static void *by_calloc(size_t bytes)
{
    return calloc(1, bytes);
}

static void *by_reallocarray(size_t bytes)
{
    return reallocarray(NULL, 1, bytes);
}

static const struct {
    const char *name;
    void *(*take)(size_t bytes);
} ways[] = {
    {"malloc", malloc},
    {"calloc", by_calloc},
    {"realloc", by_realloc},
    {"reallocarray", by_reallocarray},
    {"aligned_alloc", by_aligned_alloc},
    {"memalign", by_memalign},
    {"posix_memalign", by_posix_memalign},
    {"valloc", valloc},
};

static void *(*way)(size_t bytes);

/* Until it fails; what it took hangs on first. */
static void fill(size_t bytes)
{
    for (;;) {
        errno = 0;
        void **p = way(bytes);
        if (!p)
            break;
        *p = first;
        first = p;
    }
    CHECK(errno == ENOMEM, "%d", errno);
}

/* What is refused is never counted, nor is there ever a peak above. */
static int limit(const char *name, size_t bytes, uint64_t max, uint64_t beyond)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
        if (!strcmp(name, ways[i].name))
            way = ways[i].take;
    if (!way)
        return 64;
    for (int round = 0; round < 3; round++) {
        fill(bytes);
        CHECK(gcshim_used() <= max + beyond, "%lu", gcshim_used());
        CHECK(gcshim_used() > max - bytes - bytes / 4 - 64 * KiB,
              "failed early: %lu", gcshim_used());
        /* Who does not give up gets no further. */
        for (int i = 0; i < 5000; i++) {
            void **p = way(bytes);
            if (p) {
                *p = first;
                first = p;
            }
            free(way(i % 2 ? 3000 : bytes));
        }
        CHECK(gcshim_used() <= max + beyond, "%lu", gcshim_used());
        uint64_t full = gcshim_used();
        shrink_to(max / 2);
        void *p = way(bytes);
        CHECK(p, "no memory though half of it is free");
        free(p);
        CHECK(gcshim_used() < full);
    }
    CHECK(taken().used_peak_bytes <= max + beyond, "%lu",
          taken().used_peak_bytes);
    return verdict();
}

static int refused_huge(uint64_t max)
{
    uint64_t before = gcshim_used();
    errno = 0;
    CHECK(!malloc(8 * max) && errno == ENOMEM);
    void *p = take(KiB);
    CHECK(!realloc(p, 8 * max) && errno == ENOMEM);
    free(p);
    CHECK(gcshim_used() == before);
    CHECK(taken().used_peak_bytes < max);
    CHECK(taken().huge_blocks == 0);
    return verdict();
}

static void *fill_in_a_thread(void *arg)
{
    void *list = arg;
    for (int refused = 0; refused < 100;) {
        void **p = malloc(1000);
        if (!p) {
            refused++;
            continue;
        }
        *p = list;
        list = p;
    }
    return list;
}

/* Each thread may go beyond by what it was told a tick before. */
static int limit_in_threads(uint64_t max)
{
    in_threads(fill_in_a_thread);
    CHECK(taken().used_peak_bytes <= max + (THREADS + 1) * 64 * KiB, "%lu",
          taken().used_peak_bytes - max);
    return verdict();
}

/* A runtime that says it can collect is asked, and has a sixteenth more until
 * it has. */
static int limit_asks(uint64_t max)
{
    way = malloc;
    gcshim_gc_on_request(on_request, &reasons);
    fill(1000);
    CHECK(reasons & GCSHIM_GC_REASON_LIMIT, "%d", reasons);
    CHECK(gcshim_used() > max && gcshim_used() <= max + max / 16, "%lu",
          gcshim_used());
    CHECK(gcshim_gc_should_collect() == 1);
    gcshim_gc_begin(GCSHIM_GC_WHOLE);
    shrink_to(max / 2);
    gcshim_gc_end(GCSHIM_UNKNOWN);
    void *p = malloc(1000);
    CHECK(p, "no memory after the collection");
    free(p);
    return verdict();
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    uint64_t number = argc > 2 ? strtoull(argv[2], NULL, 0) : 0;
    static const struct {
        const char *name;
        int (*run)(void);
    } plain[] = {
        {"snapshot", snapshot},   {"sizes", sizes},
        {"used_within_allocated", used_within_allocated},
        {"keeps_errno", keeps_errno},
        {"collections", collections}, {"growing", growing},
        {"nested", nested},       {"end_only", end_only},
        {"threads", threads},     {"forks", forks},
        {"request", request},     {"goal", goal},
    }, *at;
    static const struct {
        const char *name;
        int (*run)(uint64_t number);
    } numbered[] = {
        {"many", many},
        {"budgets", budgets},
        {"refused_huge", refused_huge},
        {"limit_in_threads", limit_in_threads},
        {"limit_asks", limit_asks},
    };
    for (at = plain; at < plain + sizeof plain / sizeof *plain; at++)
        if (!strcmp(what, at->name))
            return at->run();
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++)
        if (!strcmp(what, numbered[i].name))
            return numbered[i].run(number);
    if (argc > 5 && !strcmp(what, "limit"))
        return limit(argv[2], strtoul(argv[3], NULL, 0),
                     strtoull(argv[4], NULL, 0), strtoull(argv[5], NULL, 0));
    return 64;
}
