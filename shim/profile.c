#include "profile.h"

#include "account.h"
#include "clock.h"
#include "counter.h"
#include "process.h"
#include "region.h"
#include "samples.h"
#include "settings.h"
#include "sites.h"
#include "stack_cpython.h"
#include "sys.h"
#include "text.h"
#include "thread.h"

/* What is in force.  The segment's copy is for readers. */
static struct {
    _Atomic uint64_t mean_bytes; /* 0: off */
    _Atomic uint32_t mean_index; /* of it in the segment's means */
    _Atomic uint32_t state;      /* enum gcshim_sampling */
    _Atomic uint32_t serving;    /* the last request that was taken on */
    uint64_t since_ns;
    uint64_t means[GCSHIM_MEANS];
} sampling;

static struct gcshim_profile *shared(void)
{
    return &region.segment.profile;
}

static uint64_t mean_bytes(void)
{
    return atomic_load_explicit(&sampling.mean_bytes, memory_order_acquire);
}

bool profile_is_on(void)
{
    return mean_bytes() != 0;
}

static void tell(void)
{
    struct gcshim_profile *to = shared();
    for (int i = 1; i < GCSHIM_MEANS; i++)
        counter_set(&to->means[i], sampling.means[i]);
    counter_set(&to->since_ns, sampling.since_ns);
    counter_set(&to->mean_bytes, mean_bytes());
    atomic_store_explicit(&to->state, sampling.state, memory_order_release);
}

/* ----------------------------------------------------------- on and off */

/* The place of a mean in the table; 0: no room. */
static uint32_t mean_place(uint64_t mean)
{
    for (uint32_t i = 1; i < GCSHIM_MEANS; i++) {
        if (sampling.means[i] == mean)
            return i;
        if (sampling.means[i] == 0) {
            sampling.means[i] = mean;
            return i;
        }
    }
    return 0;
}

static enum gcshim_sampling turn_on(uint64_t mean)
{
    uint32_t place = mean_place(mean);
    if (place == 0)
        return GCSHIM_SAMPLING_TOO_MANY_MEANS;
    if (!mean_bytes())
        sampling.since_ns = clock_boottime_ns();
    atomic_store_explicit(&sampling.mean_index, place, memory_order_release);
    atomic_store_explicit(&sampling.mean_bytes, mean, memory_order_release);
    return GCSHIM_SAMPLING_ON;
}

static enum gcshim_sampling turn_off(void)
{
    atomic_store_explicit(&sampling.mean_bytes, 0, memory_order_release);
    return GCSHIM_SAMPLING_OFF;
}

static void set_state(enum gcshim_sampling state)
{
    atomic_store_explicit(&sampling.state, state, memory_order_relaxed);
    tell();
}

/* P: [profile] */
static void served(void)
{
    atomic_store_explicit(&shared()->served, sampling.serving,
                          memory_order_release);
}

static uint64_t wanted(void)
{
    return counter_read(&region.segment.header.profile_wanted_bytes);
}

static void on_loaded(bool is_loaded)
{
    uint64_t mean = wanted();
    if (is_loaded)
        stack_cpython_find();
    set_state(!is_loaded ? GCSHIM_SAMPLING_NO_UNWINDER
              : mean     ? turn_on(mean)
                         : turn_off());
    served();
}

static void serve(uint64_t mean)
{
    if (mean && !stack_is_loaded()) {
        set_state(GCSHIM_SAMPLING_STARTING);
        if (stack_load_later(on_loaded))
            return;
        set_state(GCSHIM_SAMPLING_NO_UNWINDER);
    } else {
        set_state(mean ? turn_on(mean) : turn_off());
    }
    served();
}

static uint32_t requested(void)
{
    return atomic_load_explicit(&region.segment.header.profile_requested,
                                memory_order_acquire);
}

/* A child of vfork runs in its parent's memory: not its business. */
static bool is_requested(void)
{
    return requested() != atomic_load_explicit(&sampling.serving,
                                               memory_order_relaxed) &&
           atomic_load_explicit(&sampling.state, memory_order_relaxed) !=
               GCSHIM_SAMPLING_STARTING &&
           (process_is_sandboxed() || sys_getpid() == process_id());
}

/* One caller alone has it. */
static bool request_claim(void)
{
    uint32_t last = atomic_load_explicit(&sampling.serving,
                                         memory_order_relaxed);
    uint32_t request = requested();
    return request != last && atomic_compare_exchange_strong_explicit(
                                  &sampling.serving, &last, request,
                                  memory_order_acquire, memory_order_relaxed);
}

/* Its page was reserved as the process entered the sandbox. */
static void refuse_in_sandbox(void)
{
    set_state(GCSHIM_SAMPLING_SANDBOXED);
    served();
}

void profile_tick(void)
{
    if (mean_bytes() == 0)
        samples_rest();
    if (LIKELY(!is_requested()) || !request_claim())
        return;
    if (process_is_sandboxed() && !stack_is_loaded())
        refuse_in_sandbox();
    else if (sites_reserve())
        serve(wanted());
}

static void warn_no_stacks(void)
{
    char buffer[128];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put(&text, "GCSHIM_SAMPLE: libunwind.so.8 cannot be loaded; nothing "
                    "is sampled");
    text_warn(&text);
}

void profile_start(void)
{
    if (!settings.sample || settings.disable || !sites_reserve())
        return;
    if (stack_load()) {
        stack_cpython_find();
        set_state(turn_on(settings.sample));
        account_hasten();
    } else {
        set_state(GCSHIM_SAMPLING_NO_UNWINDER);
        warn_no_stacks();
    }
}

bool profile_follow(struct sampler *sampler)
{
    uint64_t mean = mean_bytes();
    if (LIKELY(mean == sampler->mean_bytes))
        return false;
    sampler_set(sampler, mean,
                clock_boottime_ns() ^ (uintptr_t)&thread ^ thread.tid);
    return true;
}

/* ------------------------------------------------------------- a sample */

static void look(struct stack *stack, void *ret_site)
{
    stack_cpython_name(stack);
    *(uint32_t *)ret_site = sites_enter(stack);
}

static uint32_t site_here(void)
{
    uint32_t site = GCSHIM_SITE_UNKNOWN;
    if (!thread.in_mimalloc && !process_is_sandboxed())
        stack_take(look, &site);
    return site;
}

void profile_take(const void *p, size_t bytes)
{
    uint64_t mean = thread.sampler.mean_bytes;
    uint32_t index = atomic_load_explicit(&sampling.mean_index,
                                          memory_order_acquire);
    if (sampling.means[index] != mean)
        return; /* just turned off, or to another */
    uint32_t site = site_here();
    struct blocklist_note note = {
        .allocated_ns = clock_boottime_ns(),
        .tid = thread.tid,
        .site = site | index << GCSHIM_SITE_MEAN_SHIFT,
    };
    sites_count(site, bytes, sampler_probability(bytes, mean));
    samples_add(p, bytes, &note);
}

/* A handler that comes by here while its thread takes a stack gets none. */
uint32_t profile_site_of_huge(size_t bytes)
{
    uint32_t site = GCSHIM_SITE_UNKNOWN;
    if (LIKELY(!mean_bytes()))
        return GCSHIM_SITE_NONE;
    if (!thread.busy) {
        thread.busy = true;
        site = site_here();
        thread.busy = false;
    }
    sites_count(site, bytes, 1);
    return site;
}

void profile_inherit(void)
{
    stack_in_child();
    if (atomic_load_explicit(&sampling.state, memory_order_relaxed) ==
        GCSHIM_SAMPLING_STARTING)
        sampling.state = GCSHIM_SAMPLING_OFF;
    atomic_store_explicit(&sampling.serving, 0, memory_order_relaxed);
    if (sampling.means[1] == 0)
        return;
    if (!sites_reserve()) {
        turn_off();
        samples_forget();
        return;
    }
    sites_inherit();
    samples_inherit();
    tell();
}
