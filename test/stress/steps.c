/* A signal handler comes between any two instructions of the shim.  Each call
 * is made again and again, by a thread of its own with a warm cache; each time
 * another of the shim's instructions that it comes by is interrupted, by a
 * handler that allocates itself.
 *
 *     steps WHAT    what the handler does: see actions[]
 *
 * Which instructions these are the processor's trap flag tells (x86-64's); one
 * is interrupted by a breakpoint in its place, as a trap for each costs far
 * more.  After the call the account is held against the blocks that are left,
 * and the thread must still have a cache.  Prints what was wrong, then a
 * verdict, and waits for a line: by then nothing is in use, kept or listed.
 */
#include "gcshim/gcshim.h"

#include <errno.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>

enum {
    SMALL = 64,
    MEDIUM = 3000,
    LARGE = 20000,
    HUGE = 256 * 1024, /* kept on the shelf when it is freed */
    WARM_BLOCKS = 8,
    TICK_BLOCKS = 40, /* of LARGE bytes: a tick every second or third */
    TRIES = 3,
};

/* Blocks that the thread has before the call and after it. */
static void *kept[] = {NULL, NULL, NULL};
static const size_t kept_bytes[] = {SMALL, MEDIUM, HUGE};
enum { KEPT = sizeof(kept) / sizeof(kept[0]) };

static void keep(void)
{
    for (int i = 0; i < KEPT; i++)
        kept[i] = malloc(kept_bytes[i]);
}

static void drop(void)
{
    for (int i = 0; i < KEPT; i++) {
        free(kept[i]);
        kept[i] = NULL;
    }
}

/* --------------------------------------------------- what the handler does */

static void allocate(void)
{
    void *small = malloc(SMALL), *medium = malloc(MEDIUM), *huge = malloc(HUGE);
    free(small);
    free(malloc(SMALL));
    free(huge);
    free(medium);
}

/* What was there goes, and others stay. */
static void exchange(void)
{
    void *old[KEPT];
    memcpy(old, kept, sizeof(old));
    keep();
    for (int i = 0; i < KEPT; i++)
        free(old[i]);
}

/* mimalloc, at its wits' end, has all deferred frees made: what the shim takes
 * for the thread's end. */
static void fail(void)
{
    if (malloc(PTRDIFF_MAX - HUGE))
        abort();
}

static void fail_and_allocate(void)
{
    fail();
    allocate();
}

static void tick(void)
{
    for (int i = 0; i < TICK_BLOCKS; i++)
        free(malloc(LARGE));
}

static void trim(void)
{
    malloc_trim(0);
}

static const struct action {
    const char *name;
    void (*act)(void);
} actions[] = {
    {"allocate", allocate}, {"exchange", exchange},
    {"fail", fail},         {"fail_and_allocate", fail_and_allocate},
    {"tick", tick},         {"trim", trim},
};
static const struct action *action;

/* ---------------------------------------------------------- interruptions */

enum { TRAP_FLAG = 0x100, BREAKPOINT = 0xcc, PLACES_MAX = 4096 };

/* The shim's code. */
static struct {
    uintptr_t begin, end;
} code;

/* Where in it a call has come by, each place once. */
static struct {
    unsigned char *places[PLACES_MAX];
    int count;
} trace;

/* One of them that has a breakpoint in the place of its first byte. */
static struct {
    unsigned char *volatile place; /* NULL: none */
    unsigned char byte;
} breakpoint;

static int find_code(struct dl_phdr_info *info, size_t bytes, void *address)
{
    (void)bytes;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t begin = info->dlpi_addr + segment->p_vaddr;
        uintptr_t end = begin + segment->p_memsz;
        if (segment->p_type == PT_LOAD && *(uintptr_t *)address >= begin &&
            *(uintptr_t *)address < end) {
            code.begin = begin;
            code.end = end;
            return 1;
        }
    }
    return 0;
}

static bool code_open(void)
{
    uintptr_t address = (uintptr_t)gcshim_used;
    if (!dl_iterate_phdr(find_code, &address))
        return false;
    uintptr_t page = code.begin & -(uintptr_t)sysconf(_SC_PAGESIZE);
    return mprotect((void *)page, code.end - page,
                    PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
}

static void trace_note(unsigned char *place)
{
    if ((uintptr_t)place < code.begin || (uintptr_t)place >= code.end)
        return;
    for (int i = 0; i < trace.count; i++)
        if (trace.places[i] == place)
            return;
    if (trace.count == PLACES_MAX)
        abort();
    trace.places[trace.count++] = place;
}

static void breakpoint_set(unsigned char *place)
{
    breakpoint.byte = *place;
    breakpoint.place = place;
    *place = BREAKPOINT;
}

/* False where it has gone already. */
static bool breakpoint_clear(void)
{
    unsigned char *place = breakpoint.place;
    if (!place)
        return false;
    *place = breakpoint.byte;
    breakpoint.place = NULL;
    return true;
}

static void on_trap(int number, siginfo_t *info, void *context)
{
    greg_t *rip = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    int saved_errno = errno;
    (void)number;
    (void)info;
    if (breakpoint_clear()) {
        --*rip;
        action->act();
    } else {
        trace_note((unsigned char *)*rip);
    }
    errno = saved_errno;
}

static bool traps_open(void)
{
    struct sigaction on = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
    return sigaction(SIGTRAP, &on, NULL) == 0;
}

/* ------------------------------------------------------------------- calls */

/* Each returns the block that it leaves. */
static void *malloc_small(void *block)
{
    (void)block;
    return malloc(SMALL);
}

static void *malloc_medium(void *block)
{
    (void)block;
    return malloc(MEDIUM);
}

static void *malloc_huge(void *block)
{
    (void)block;
    return malloc(HUGE);
}

static void *calloc_small(void *block)
{
    (void)block;
    return calloc(2, SMALL / 2);
}

static void *free_it(void *block)
{
    free(block);
    return NULL;
}

static void *realloc_a_little(void *block)
{
    return realloc(block, malloc_usable_size(block) - 1);
}

static void *realloc_to_small(void *block)
{
    return realloc(block, SMALL);
}

static void *realloc_to_huge(void *block)
{
    return realloc(block, HUGE);
}

static const struct call {
    const char *name;
    size_t block_bytes; /* that it is given; 0: none */
    void *(*make)(void *block);
} calls[] = {
    {"malloc small", 0, malloc_small},
    {"malloc medium", 0, malloc_medium},
    {"malloc huge", 0, malloc_huge},
    {"calloc small", 0, calloc_small},
    {"free small", SMALL, free_it},
    {"free medium", MEDIUM, free_it},
    {"free huge", HUGE, free_it},
    {"realloc small in place", SMALL, realloc_a_little},
    {"realloc huge in place", HUGE, realloc_a_little},
    {"realloc medium to small", MEDIUM, realloc_to_small},
    {"realloc small to huge", SMALL, realloc_to_huge},
    {"realloc huge to small", HUGE, realloc_to_small},
};

static void *make_traced(const struct call *call, void *block)
{
    trace.count = 0;
    __writeeflags(__readeflags() | TRAP_FLAG);
    block = call->make(block);
    __writeeflags(__readeflags() & ~(unsigned long long)TRAP_FLAG);
    return block;
}

static void *make_interrupted(const struct call *call, void *block,
                              unsigned char *place)
{
    breakpoint_set(place);
    return call->make(block);
}

/* ----------------------------------------------------------------- threads */

/* One call, in its thread. */
struct trial {
    const struct call *call;
    unsigned char *place; /* to be interrupted at; NULL: to be traced */
    bool is_interrupted;
    int64_t off_bytes, huge_off_bytes, huge_off_blocks;
    bool has_cache; /* afterwards */
};

static void warm(size_t bytes)
{
    void *blocks[WARM_BLOCKS];
    for (int i = 0; i < WARM_BLOCKS; i++)
        blocks[i] = malloc(bytes);
    for (int i = 0; i < WARM_BLOCKS; i++)
        free(blocks[i]);
}

/* A tick opens the cache, and what is freed from then on is kept. */
static void warm_all(void)
{
    tick();
    warm(SMALL);
    warm(MEDIUM);
    warm(HUGE);
}

static struct gcshim_snapshot now(void)
{
    struct gcshim_snapshot snapshot = {0};
    gcshim_snapshot(&snapshot, sizeof(snapshot));
    return snapshot;
}

/* What a block adds to the truth. */
static void expect(struct gcshim_snapshot *truth, void *block)
{
    size_t bytes = malloc_usable_size(block);
    truth->used_bytes += bytes;
    truth->huge_bytes += bytes > HUGE / 2 ? bytes : 0;
    truth->huge_blocks += bytes > HUGE / 2;
}

static void compare(struct trial *trial, struct gcshim_snapshot truth,
                    void *block)
{
    struct gcshim_snapshot account = now();
    expect(&truth, block);
    for (int i = 0; i < KEPT; i++)
        expect(&truth, kept[i]);
    trial->off_bytes += (int64_t)(account.used_bytes - truth.used_bytes);
    trial->huge_off_bytes += (int64_t)(account.huge_bytes - truth.huge_bytes);
    trial->huge_off_blocks +=
        (int64_t)(account.huge_blocks - truth.huge_blocks);
}

/* What is freed is what comes next; mimalloc keeps a page's freed blocks back
 * until it has no others. */
static bool comes_back(void)
{
    void *blocks[WARM_BLOCKS], *again[WARM_BLOCKS];
    bool is_same = true;
    for (int i = 0; i < WARM_BLOCKS; i++)
        blocks[i] = malloc(SMALL);
    for (int i = 0; i < WARM_BLOCKS; i++)
        free(blocks[i]);
    for (int i = WARM_BLOCKS; i-- > 0;)
        is_same &= (again[i] = malloc(SMALL)) == blocks[i];
    for (int i = 0; i < WARM_BLOCKS; i++)
        free(again[i]);
    return is_same;
}

/* A tick that comes in between may empty it. */
static bool has_cache(void)
{
    warm_all();
    for (int i = 0; i < TRIES; i++)
        if (comes_back())
            return true;
    return false;
}

static void *run(void *arg)
{
    struct trial *trial = arg;
    size_t bytes = trial->call->block_bytes;
    warm_all();
    struct gcshim_snapshot nothing = now();
    keep();
    void *block = bytes ? malloc(bytes) : NULL;
    block = trial->place ? make_interrupted(trial->call, block, trial->place)
                         : make_traced(trial->call, block);
    trial->is_interrupted = trial->place && !breakpoint_clear();
    compare(trial, nothing, block);
    free(block);
    drop();
    compare(trial, nothing, NULL);
    trial->has_cache = has_cache();
    return NULL;
}

/* --------------------------------------------------------------- judgement */

static int interruptions, off, cacheless;

static void judge(const struct trial *trial)
{
    bool is_off =
        trial->off_bytes || trial->huge_off_bytes || trial->huge_off_blocks;
    interruptions += trial->is_interrupted;
    off += is_off;
    cacheless += !trial->has_cache;
    if (is_off || !trial->has_cache)
        printf("%s, at +%#lx: off by %ld bytes, in the list by %ld in %ld "
               "blocks; %s cache\n",
               trial->call->name, (uintptr_t)trial->place - code.begin,
               trial->off_bytes, trial->huge_off_bytes, trial->huge_off_blocks,
               trial->has_cache ? "a" : "no");
}

static void run_in_thread(const struct call *call, unsigned char *place)
{
    struct trial trial = {.call = call, .place = place};
    pthread_t thread;
    if (pthread_create(&thread, NULL, run, &trial) ||
        pthread_join(thread, NULL))
        abort();
    judge(&trial);
}

static void interrupt_everywhere(const struct call *call)
{
    run_in_thread(call, NULL);
    for (int i = 0; i < trace.count; i++)
        run_in_thread(call, trace.places[i]);
}

int main(int argc, char **argv)
{
    static char lines[BUFSIZ], input[BUFSIZ];
    setvbuf(stdout, lines, _IOLBF, sizeof(lines));
    setvbuf(stdin, input, _IOFBF, sizeof(input));
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (argc > 1 && strcmp(argv[1], actions[i].name) == 0)
            action = &actions[i];
    if (!action || !gcshim_used || !code_open() || !traps_open()) {
        fprintf(stderr, "steps: no such action, no shim, or its code cannot "
                        "be written to\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
        interrupt_everywhere(&calls[i]);
    malloc_trim(0);
    printf("%d interruptions, %d off, %d threads without a cache\n",
           interruptions, off, cacheless);
    return getchar() == EOF || off || cacheless;
}
