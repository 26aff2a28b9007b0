#include "collector.h"

#include "account.h"
#include "clock.h"
#include "collection.h"
#include "counter.h"
#include "pacer.h"
#include "process.h"
#include "region.h"
#include "settings.h"
#include "sys.h"
#include "thread.h"

#include <sys/mman.h>
#include <unistd.h>

static const struct collector *const collectors[] = {
    &collector_cpython,
    &collector_ruby,
};

enum {
    COLLECTORS = sizeof(collectors) / sizeof(collectors[0]),
    DELTA_SHARE_OF_RAM = 8, /* PyPy's default */
    GRACE_SHARE_OF_MAX = 16,
    RESERVE_BYTES = 64 * 1024,
    RESERVE_BLOCK_BYTES = 2048,
    SLOTS_WATCHED = 64,
    HANDLER_MAX_NS = 1000000000,
};

static bool is_found[COLLECTORS];

/* What was asked for, and of whom the answer is awaited. */
static struct {
    _Atomic uint32_t flags; /* enum gcshim_gc_flag; 0: idle */
    _Atomic uint32_t request;
} asked;

/* The pacer changes when a collection ends; whoever finds it taken leaves it
 * to the other.  The goal is for all to read. */
static struct {
    _Atomic bool is_taken;
    struct pacer pacer;
    _Atomic uint64_t goal_bytes; /* UINT64_MAX: no pacing */
    _Atomic bool has_tried;      /* an emergency collection */
    _Atomic bool has_grace;      /* until it has been */
    _Atomic bool has_failed;     /* an allocation, and little was freed since */
} pace = {.goal_bytes = UINT64_MAX};

/* A runtime without an adapter. */
static struct {
    _Atomic uint32_t mode; /* enum gcshim_gc_mode; 0: has not called yet */
    _Atomic(collector_callback *) callback;
    void *arg;
} runtime;

/* ------------------------------------------------------------- the pacer */

static bool pacer_take(void)
{
    return !atomic_exchange_explicit(&pace.is_taken, true,
                                     memory_order_acquire);
}

static void pacer_give_back(void)
{
    struct gcshim_gc *gc = collection_totals();
    counter_set(&pace.goal_bytes, pace.pacer.goal_bytes);
    if (gc) {
        counter_set(&gc->goal_bytes, pace.pacer.goal_bytes);
        counter_set(&gc->baseline_bytes, pace.pacer.baseline_bytes);
    }
    atomic_store_explicit(&pace.is_taken, false, memory_order_release);
}

static uint64_t max_delta(void)
{
    if (settings.gc_max_delta)
        return settings.gc_max_delta;
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0
               ? (uint64_t)pages * (uint64_t)bytes / DELTA_SHARE_OF_RAM
               : 0;
}

/* What the kernel takes for a byte of memory that it has to find and clear:
 * the least of some tries, as other processes only make it longer. */
static double measure_fresh_ns(void)
{
    static const size_t TRIES = 8, PAGES = 8, PAGE = 4096;
    uint64_t least = UINT64_MAX;
    volatile char *memory =
        mmap(NULL, TRIES * PAGES * PAGE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return 0;
    for (size_t i = 0; i < TRIES; i++) {
        uint64_t begin_ns = clock_boottime_ns();
        for (size_t j = 0; j < PAGES; j++)
            memory[(i * PAGES + j) * PAGE] = 1;
        uint64_t took_ns = clock_boottime_ns() - begin_ns;
        least = took_ns < least ? took_ns : least;
    }
    munmap((void *)memory, TRIES * PAGES * PAGE);
    return (double)least / (double)(PAGES * PAGE);
}

/* fresh_ns: 0 where it has not been measured. */
static void pacer_start(double fresh_ns)
{
    struct pacer_rules rules = {
        .major_collect = settings.gc_major_collect,
        .growth = settings.gc_growth,
        .min_bytes = settings.gc_min,
        .max_bytes = settings.gc_max,
        .max_delta_bytes = max_delta(),
        .fresh_ns = fresh_ns,
    };
    if (!pacer_take())
        return;
    if (collector_goal() == UINT64_MAX)
        pacer_init(&pace.pacer, &rules);
    pacer_give_back();
}

void collector_collected(const struct pacer_collection *collection,
                         bool is_whole)
{
    if (collector_goal() == UINT64_MAX || !pacer_take())
        return;
    if (is_whole)
        pacer_collected(&pace.pacer, collection);
    else
        pacer_collected_young(&pace.pacer, collection);
    pacer_give_back();
}

static void postpone(void)
{
    if (!pacer_take())
        return;
    pacer_postpone(&pace.pacer, account_used());
    pacer_give_back();
}

uint64_t collector_goal(void)
{
    return counter_read(&pace.goal_bytes);
}

bool collector_should_collect(void)
{
    return account_used() >= collector_goal();
}

/* -------------------------------------------------------------- asking */

static bool is_asked(void)
{
    return atomic_load_explicit(&asked.flags, memory_order_acquire) != 0;
}

static bool ask_adapters(uint32_t flags)
{
    bool is_arranged = false, is_request = flags == GCSHIM_GC_ON_REQUEST;
    if (settings.gc != GCSHIM_GC_PACE && !is_request)
        return false;
    for (int i = 0; i < COLLECTORS; i++)
        if (is_found[i] && (is_request || collectors[i]->is_paced) &&
            collectors[i]->ask())
            is_arranged = true;
    return is_arranged;
}

/* The runtime's own function: called within malloc, it may do no more than
 * note that it was. */
static bool ask_runtime(uint32_t flags)
{
    collector_callback *callback =
        atomic_load_explicit(&runtime.callback, memory_order_acquire);
    if (!callback)
        return false;
    callback(runtime.arg, (int)flags);
    return true;
}

/* A handler that allocates may have interrupted the very lock that a runtime
 * takes to be asked.  The kernel blocks a handler's own signal while it runs:
 * a signal that is blocked now and was not before tells of one.  Where it
 * stays so, the program has blocked it for good. */
static bool may_be_in_handler(void)
{
    uint64_t blocked = 0, now = clock_coarse_ns();
    if (process_is_sandboxed())
        return false;
    sys_signals_blocked(&blocked);
    if (!(blocked & thread.signals.usually_open)) {
        thread.signals.usually_open |= ~blocked;
        thread.signals.odd_since_ns = 0;
        return false;
    }
    if (blocked != thread.signals.odd_blocked ||
        thread.signals.odd_since_ns == 0) {
        thread.signals.odd_blocked = blocked;
        thread.signals.odd_since_ns = now;
    }
    if (now - thread.signals.odd_since_ns < HANDLER_MAX_NS)
        return true;
    thread.signals.usually_open = ~blocked;
    return false;
}

static bool ask(uint32_t flags)
{
    uint32_t idle = 0;
    if (may_be_in_handler())
        return false;
    if (!atomic_compare_exchange_strong_explicit(&asked.flags, &idle, flags,
                                                 memory_order_acq_rel,
                                                 memory_order_relaxed))
        return true;
    bool is_arranged = ask_adapters(flags);
    if (!is_arranged) {
        is_arranged = ask_runtime(flags);
        /* It will not tell us when it is through. */
        atomic_store_explicit(&asked.flags, 0, memory_order_release);
    }
    struct gcshim_gc *gc = collection_totals();
    if (is_arranged && gc && flags == GCSHIM_GC_ASKED)
        counter_add_shared(&gc->asked, 1);
    return is_arranged;
}

static uint32_t requested(void)
{
    return atomic_load_explicit(&region.segment.header.collect_requested,
                                memory_order_acquire);
}

static bool is_requested(void)
{
    uint32_t request = requested();
    if (LIKELY(request == 0))
        return false;
    struct gcshim_gc *gc = collection_totals();
    return gc && request != atomic_load_explicit(&gc->collect_served,
                                                 memory_order_acquire);
}

/* Each request is passed on once. */
static void request_tick(void)
{
    uint32_t request = requested();
    if (request == atomic_load_explicit(&asked.request,
                                        memory_order_relaxed) ||
        !is_requested() || is_asked())
        return;
    if (ask(GCSHIM_GC_ON_REQUEST))
        atomic_store_explicit(&asked.request, request, memory_order_relaxed);
}

static bool has_callback(void)
{
    return atomic_load_explicit(&runtime.callback, memory_order_relaxed);
}

/* Where few slots make it cheap, memory that grows back is watched at every
 * tick, and not only when it is published. */
static uint64_t used_now(uint64_t used_bytes)
{
    return used_bytes == UINT64_MAX && slots_high() <= SLOTS_WATCHED
               ? slots_used_at_least()
               : used_bytes;
}

static void pace_tick(uint64_t used_bytes)
{
    if (is_asked() || (settings.gc != GCSHIM_GC_PACE && !has_callback()))
        return;
    uint64_t used = used_now(used_bytes);
    if (used != UINT64_MAX && used >= collector_goal())
        ask(GCSHIM_GC_ASKED);
}

void collectors_tick(uint64_t used_bytes)
{
    for (int i = 0; i < COLLECTORS; i++)
        if (is_found[i])
            collectors[i]->tick();
    request_tick();
    pace_tick(used_bytes);
}

/* -------------------------------------------------------------- serving */

static bool is_enough(void)
{
    return pacer_is_enough(&pace.pacer, account_used());
}

/* P: [collect] */
static void note_served(uint32_t flags)
{
    struct gcshim_gc *gc = collection_totals();
    if (gc && flags == GCSHIM_GC_ON_REQUEST)
        atomic_store_explicit(&gc->collect_served,
                              atomic_load_explicit(&asked.request,
                                                   memory_order_relaxed),
                              memory_order_release);
}

static void collect_stages(uint32_t flags,
                           bool (*collect)(void *arg, int generation),
                           void *arg)
{
    int first = flags == GCSHIM_GC_ASKED ? 0 : GENERATION_WHOLE;
    thread.collection.flags = flags;
    for (int i = first; i <= GENERATION_WHOLE; i++) {
        if (!collect(arg, i)) {
            postpone();
            break;
        }
        if (flags == GCSHIM_GC_ASKED && is_enough())
            break;
    }
    thread.collection.flags = 0;
}

static void be_idle(uint32_t flags)
{
    if (flags == GCSHIM_GC_EMERGENCY)
        atomic_store_explicit(&pace.has_tried, true, memory_order_release);
    atomic_store_explicit(&asked.flags, 0, memory_order_release);
}

/* For what gcshim-ctl has asked for. */
static void ask_again(void)
{
    struct gcshim_gc *gc = collection_totals();
    if (gc)
        atomic_store_explicit(&asked.request,
                              atomic_load_explicit(&gc->collect_served,
                                                   memory_order_relaxed),
                              memory_order_relaxed);
}

void collector_serve(bool is_wanted, bool (*collect)(void *arg, int generation),
                     void *arg)
{
    uint32_t flags = atomic_load_explicit(&asked.flags, memory_order_acquire);
    bool is_due = flags != GCSHIM_GC_ASKED || collector_should_collect();
    if (flags && is_due && (is_wanted || flags == GCSHIM_GC_ON_REQUEST))
        collect_stages(flags, collect, arg);
    else if (flags && is_due)
        postpone();
    note_served(flags);
    be_idle(flags);
}

void collector_pass(void)
{
    uint32_t flags = atomic_load_explicit(&asked.flags, memory_order_acquire);
    if (flags == GCSHIM_GC_ON_REQUEST)
        ask_again();
    else if (flags)
        postpone();
    be_idle(flags);
}

/* ----------------------------------------------- runtimes without adapter */

static bool is_any_found(void)
{
    for (int i = 0; i < COLLECTORS; i++)
        if (is_found[i])
            return true;
    return false;
}

static void mode_raise(uint32_t old, uint32_t mode)
{
    process_enter();
    pacer_start(0);
    if (!atomic_compare_exchange_strong_explicit(&runtime.mode, &old, mode,
                                                 memory_order_acq_rel,
                                                 memory_order_relaxed) ||
        is_any_found())
        return;
    if (old == GCSHIM_GC_OFF)
        collection_introduce("program's own", false);
    collection_set_mode(mode);
}

void collector_start_api(enum gcshim_gc_mode mode)
{
    uint32_t old = atomic_load_explicit(&runtime.mode, memory_order_acquire);
    if (UNLIKELY(old < mode))
        mode_raise(old, mode);
}

bool collector_api_should_collect(void)
{
    return collector_should_collect() || is_requested();
}

/* What a collection that begins now is the answer to. */
static uint32_t reason(void)
{
    uint64_t used = account_used();
    if (is_requested())
        return GCSHIM_GC_ON_REQUEST;
    if (settings.gc_max && used >= settings.gc_max)
        return GCSHIM_GC_EMERGENCY;
    return used >= collector_goal() ? GCSHIM_GC_ASKED : 0;
}

void collector_api_begin(unsigned generation)
{
    thread.collection.flags = reason();
    thread.collection.request = requested();
    collection_begin(generation);
}

/* P: [collect] */
void collector_api_end(uint64_t objects)
{
    struct gcshim_gc *gc = collection_totals();
    bool is_whole = thread.collection.begin_ns != 0 &&
                    thread.collection.generation == GENERATION_WHOLE;
    collection_end(objects);
    if (gc && is_whole)
        atomic_store_explicit(&gc->collect_served, thread.collection.request,
                              memory_order_release);
    thread.collection.flags = 0;
}

void collector_register(collector_callback *callback, void *arg)
{
    runtime.arg = arg;
    atomic_store_explicit(&runtime.callback, callback, memory_order_release);
}

/* --------------------------------------------------------------- the limit */

static uint64_t grace_bytes(void)
{
    return atomic_load_explicit(&pace.has_grace, memory_order_relaxed)
               ? settings.gc_max / GRACE_SHARE_OF_MAX
               : 0;
}

/* Whoever handles a failure needs some small blocks for it: they are there
 * from when an allocation has failed. */
static uint64_t reserve_bytes(uint64_t more_bytes)
{
    bool has_failed = atomic_load_explicit(&pace.has_failed,
                                           memory_order_relaxed);
    return has_failed && more_bytes <= RESERVE_BLOCK_BYTES ? RESERVE_BYTES : 0;
}

static void be_below_limit(uint64_t used)
{
    atomic_store_explicit(&pace.has_tried, false, memory_order_relaxed);
    atomic_store_explicit(&pace.has_grace, false, memory_order_relaxed);
    if (used + RESERVE_BYTES <= settings.gc_max)
        atomic_store_explicit(&pace.has_failed, false, memory_order_relaxed);
}

/* Beyond the limit a collection is tried first, and until it has been there
 * is a little more room. */
bool collector_refuses(uint64_t more_bytes)
{
    uint64_t used = account_used() + more_bytes;
    if (used <= settings.gc_max) {
        be_below_limit(used);
        return false;
    }
    bool has_tried = atomic_load_explicit(&pace.has_tried,
                                          memory_order_acquire);
    bool may_help = !has_tried && ask(GCSHIM_GC_EMERGENCY);
    atomic_store_explicit(&pace.has_grace, may_help, memory_order_relaxed);
    if (used - settings.gc_max <= grace_bytes() + reserve_bytes(more_bytes))
        return false;
    atomic_store_explicit(&pace.has_failed, true, memory_order_relaxed);
    return true;
}

uint64_t collector_room(void)
{
    uint64_t used = account_used(), end = settings.gc_max + grace_bytes();
    return used < end ? end - used : 0;
}

/* ---------------------------------------------------------------- lifetime */

void collectors_find(void)
{
    bool is_any_paced = false;
    for (int i = 0; i < COLLECTORS && settings.gc; i++) {
        is_found[i] = collectors[i]->find();
        is_any_paced |= is_found[i] && collectors[i]->is_paced;
    }
    if (is_any_paced && settings.gc == GCSHIM_GC_PACE)
        pacer_start(measure_fresh_ns());
}

void collectors_forked(void)
{
    atomic_store_explicit(&asked.flags, 0, memory_order_relaxed);
    atomic_store_explicit(&asked.request, 0, memory_order_relaxed);
    atomic_store_explicit(&pace.is_taken, false, memory_order_relaxed);
    for (int i = 0; i < COLLECTORS; i++)
        if (is_found[i])
            collectors[i]->forked();
    collection_inherit();
    if (collector_goal() != UINT64_MAX && pacer_take())
        pacer_give_back();
}
