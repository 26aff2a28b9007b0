#include "sites.h"

#include "compiler.h"
#include "counter.h"
#include "modules.h"
#include "names.h"
#include "region.h"
#include "segment.h"
#include "turn.h"

#include <string.h>

enum { PROBES = 16 };

TABLE static struct gcshim_site sites[GCSHIM_SITES];
TABLE static struct gcshim_frame frames[GCSHIM_FRAMES];
static uint32_t frame_count;
static _Atomic uint64_t dropped;
static _Atomic bool turn;

static struct gcshim_profile *profile(void)
{
    return &region.segment.profile;
}

/* FNV-1a over words, mixed once more; never 0. */
static uint64_t hash(const struct stack *stack)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < stack->depth; i++) {
        const struct gcshim_frame *frame = &stack->frames[i];
        h = (h ^ frame->address) * UINT64_C(0x100000001b3);
        if (frame->module == GCSHIM_MODULE_NAMED)
            h = (h ^ ~(uint64_t)frame->line) * UINT64_C(0x100000001b3);
    }
    h ^= h >> 32;
    return h ? h : 1;
}

static uint32_t home_of(uint64_t h)
{
    return GCSHIM_SITE_FIRST +
           (uint32_t)(h % (GCSHIM_SITES - GCSHIM_SITE_FIRST));
}

/* The site, or the free place for it; GCSHIM_SITE_NO_ROOM: neither. */
static uint32_t find(uint64_t h)
{
    uint32_t home = home_of(h);
    for (uint32_t i = home; i < home + PROBES && i < GCSHIM_SITES; i++) {
        uint64_t other = counter_read(&sites[i].hash);
        if (other == h || other == 0)
            return i;
    }
    return GCSHIM_SITE_NO_ROOM;
}

static void drop(void)
{
    counter_add_shared(&dropped, 1);
    counter_add_shared(&profile()->sites_dropped, 1);
}

/* Copies entries of a table to readers. */
static bool publish(void *to, const void *from, size_t bytes)
{
    if (!segment_reserve(to, bytes))
        return false;
    memcpy(to, from, bytes);
    return true;
}

static struct gcshim_frame describe_frame(const struct gcshim_frame *frame)
{
    if (frame->module == GCSHIM_MODULE_NAMED)
        return *frame;
    uint32_t module = modules_find(frame->address);
    return (struct gcshim_frame){
        .address = frame->address - modules_bias(module),
        .module = module,
    };
}

static bool frames_add(const struct stack *stack)
{
    uint32_t first = frame_count, end = first + stack->depth;
    if (end > GCSHIM_FRAMES)
        return false;
    for (uint32_t i = 0; i < stack->depth; i++)
        frames[first + i] = describe_frame(&stack->frames[i]);
    if (!publish(&region.segment.frames[first], &frames[first],
                 stack->depth * sizeof(frames[0])))
        return false;
    frame_count = end;
    atomic_store_explicit(&profile()->frames, end, memory_order_release);
    return true;
}

/* The number of frames last: who sees it sees them.  P: [profile-tables] */
static void describe(struct gcshim_site *site, uint64_t h, uint32_t first,
                     const struct stack *stack)
{
    counter_set(&site->hash, h);
    atomic_store_explicit(&site->first_frame, first, memory_order_release);
    atomic_store_explicit(&site->is_cut, stack->is_cut, memory_order_release);
    atomic_store_explicit(&site->frames, stack->depth, memory_order_release);
}

static uint32_t make(uint64_t h, const struct stack *stack)
{
    uint32_t number = find(h), first = frame_count;
    if (number == GCSHIM_SITE_NO_ROOM ||
        counter_read(&sites[number].hash) == h)
        return number;
    if (!frames_add(stack))
        return GCSHIM_SITE_NO_ROOM;
    describe(&region.segment.sites[number], h, first, stack);
    describe(&sites[number], h, first, stack);
    return number;
}

static uint32_t make_alone(uint64_t h, const struct stack *stack)
{
    if (!turn_take(&turn))
        return GCSHIM_SITE_UNKNOWN;
    uint32_t number = make(h, stack);
    turn_give_back(&turn);
    if (number == GCSHIM_SITE_NO_ROOM)
        drop();
    return number;
}

uint32_t sites_enter(const struct stack *stack)
{
    uint64_t h = hash(stack);
    uint32_t number = find(h);
    if (number != GCSHIM_SITE_NO_ROOM &&
        counter_read(&sites[number].hash) == h)
        return number;
    return make_alone(h, stack);
}

/* Relaxed: each sum is good by itself. */
static void add(_Atomic double *sum, double more)
{
    double old = atomic_load_explicit(sum, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(sum, &old, old + more,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

static void count(struct gcshim_site *site, double bytes, double probability)
{
    double blocks = 1 / probability;
    double variance = (1 - probability) * blocks * blocks;
    add(&site->bytes, bytes * blocks);
    add(&site->bytes_variance, bytes * bytes * variance);
    add(&site->blocks, blocks);
    add(&site->blocks_variance, variance);
    counter_add_shared(&site->samples, 1);
}

void sites_count(uint32_t site, uint64_t bytes, double probability)
{
    count(&sites[site], (double)bytes, probability);
    count(&region.segment.sites[site], (double)bytes, probability);
}

bool sites_reserve(void)
{
    return segment_reserve(profile(), sizeof(*profile())) &&
           segment_reserve(region.segment.sites, sizeof(sites));
}

/* Whoever had taken the tables is not here.  What it had begun is not counted
 * among the frames, or is a site without any. */
void sites_inherit(void)
{
    turn_give_back(&turn);
    modules_inherit();
    names_inherit();
    memcpy(region.segment.sites, sites, sizeof(sites));
    if (publish(region.segment.frames, frames,
                frame_count * sizeof(frames[0])))
        atomic_store_explicit(&profile()->frames, frame_count,
                              memory_order_release);
    counter_set(&profile()->sites_dropped, counter_read(&dropped));
}
