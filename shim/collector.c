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

#include <unistd.h>

static const struct collector *const collectors[] = {
    &collector_cpython,
};

enum {
    COLLECTORS = sizeof(collectors) / sizeof(collectors[0]),
    DELTA_SHARE_OF_RAM = 8, /* PyPy's default */
    GRACE_SHARE_OF_MAX = 16,
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
} pace = {.goal_bytes = UINT64_MAX};

static struct {
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

static void pacer_start(void)
{
    struct pacer_rules rules = {
        .major_collect = settings.gc_major_collect,
        .growth = settings.gc_growth,
        .min_bytes = settings.gc_min,
        .max_bytes = settings.gc_max,
        .max_delta_bytes = max_delta(),
    };
    if (!pacer_take())
        return;
    pacer_init(&pace.pacer, &rules);
    pacer_give_back();
}

void collector_collected(uint64_t used_bytes, uint64_t pause_ns,
                         uint64_t program_ns)
{
    if (collector_goal() == UINT64_MAX || !pacer_take())
        return;
    pacer_collected(&pace.pacer, used_bytes, pause_ns, program_ns);
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
    bool is_arranged = false;
    if (settings.gc != GCSHIM_GC_PACE && flags != GCSHIM_GC_ON_REQUEST)
        return false;
    for (int i = 0; i < COLLECTORS; i++)
        if (is_found[i] && collectors[i]->ask())
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

static void request_tick(void)
{
    uint32_t requested =
        atomic_load_explicit(&region.segment.header.collect_requested,
                             memory_order_acquire);
    if (requested == atomic_load_explicit(&asked.request,
                                          memory_order_relaxed) ||
        is_asked())
        return;
    if (ask(GCSHIM_GC_ON_REQUEST))
        atomic_store_explicit(&asked.request, requested,
                              memory_order_relaxed);
}

static bool has_callback(void)
{
    return atomic_load_explicit(&runtime.callback, memory_order_relaxed);
}

static void pace_tick(uint64_t used_bytes)
{
    if (used_bytes == UINT64_MAX || used_bytes < collector_goal() ||
        is_asked() || (settings.gc != GCSHIM_GC_PACE && !has_callback()))
        return;
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
    if (flags == GCSHIM_GC_EMERGENCY)
        atomic_store_explicit(&pace.has_tried, true, memory_order_release);
    atomic_store_explicit(&asked.flags, 0, memory_order_release);
}

void collector_start_api(void)
{
    if (LIKELY(collector_goal() != UINT64_MAX))
        return;
    process_enter();
    pacer_start();
}

void collector_register(collector_callback *callback, void *arg)
{
    runtime.arg = arg;
    atomic_store_explicit(&runtime.callback, callback, memory_order_release);
}

/* --------------------------------------------------------------- the limit */

static bool is_far_beyond(uint64_t used)
{
    return used - settings.gc_max > settings.gc_max / GRACE_SHARE_OF_MAX;
}

/* Beyond the limit a collection is tried first, and until it has been there
 * is a little more room. */
bool collector_refuses(uint64_t more_bytes)
{
    uint64_t used = account_used() + more_bytes;
    if (used <= settings.gc_max) {
        atomic_store_explicit(&pace.has_tried, false, memory_order_relaxed);
        return false;
    }
    bool has_tried = atomic_load_explicit(&pace.has_tried,
                                          memory_order_acquire);
    bool may_help = !has_tried && ask(GCSHIM_GC_EMERGENCY);
    return !may_help || is_far_beyond(used);
}

/* ---------------------------------------------------------------- lifetime */

void collectors_find(void)
{
    bool is_any = false;
    for (int i = 0; i < COLLECTORS && settings.gc; i++)
        is_any |= is_found[i] = collectors[i]->find();
    if (is_any && settings.gc == GCSHIM_GC_PACE)
        pacer_start();
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
