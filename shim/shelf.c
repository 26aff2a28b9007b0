#include "shelf.h"

#include "class.h"
#include "clock.h"
#include "counter.h"
#include "gcshim/layout.h"
#include "settings.h"
#include "thread.h"

#include <mimalloc.h>

enum {
    SLICE_BYTES = 1 << CLASS_SLICE_SHIFT,
    SLICES_MAX = 16 * 1024 * 1024 / SLICE_BYTES,
    FIRST_CLASS = 54, /* class_index() of the smallest, of three slices */
    SHELVES = 27,     /* four to each doubling, up to 16 MiB */
    PLACES = 4,       /* on each */
    COARSE_SLICES = 8,

    OWN_AGE_NS = 25000000,
    /* Blocks of another thread's heap go back when that thread looks. */
    OTHERS_AGE_NS = 250000000,
    TICK_SPACING_NS = 5000000,
};

#define END_OF_TIME (UINT64_MAX / 2)

TABLE static struct place {
    /* address | slices; 0: free.  Blocks begin at a slice. */
    _Atomic uint64_t block;
    /* When, and by whom, it was put here; hints, as they are written after
     * it. */
    _Atomic uint64_t since_ns;
    _Atomic uint32_t tid;
} places[SHELVES][PLACES];

static _Atomic uint64_t bytes_kept;
static _Atomic uint64_t next_tick_ns;

static void count(uint64_t bytes)
{
    counter_add_shared(&bytes_kept, bytes);
}

static void uncount(uint64_t bytes)
{
    counter_add_shared(&bytes_kept, -bytes);
}

static void publish(void)
{
    counter_set(&SLOT_LATE->cached_bytes, counter_read(&bytes_kept));
}

static uint64_t slices_of(uint64_t block)
{
    return block & (SLICE_BYTES - 1);
}

static void *address_of(uint64_t block)
{
    return (void *)(block & ~(uint64_t)(SLICE_BYTES - 1));
}

static uint64_t look(const struct place *place)
{
    return atomic_load_explicit(&place->block, memory_order_relaxed);
}

/* Acquire: what was done to the block before it was put here comes first.
 * P: [shelf] */
static bool empty(struct place *place, uint64_t seen)
{
    if (!atomic_compare_exchange_strong_explicit(&place->block, &seen, 0,
                                                 memory_order_acquire,
                                                 memory_order_relaxed))
        return false;
    uncount(slices_of(seen) << CLASS_SLICE_SHIFT);
    return true;
}

/* P: [shelf] */
static bool fill(struct place *place, uint64_t block)
{
    uint64_t seen = 0;
    if (look(place) != 0 || !atomic_compare_exchange_strong_explicit(
                                &place->block, &seen, block,
                                memory_order_release, memory_order_relaxed))
        return false;
    atomic_store_explicit(&place->tid, thread.tid, memory_order_relaxed);
    counter_set(&place->since_ns, clock_coarse_ns());
    return true;
}

static struct place *shelf_of(uint64_t slices)
{
    return places[class_index(slices << CLASS_SLICE_SHIFT) - FIRST_CLASS];
}

static bool is_kept_size(uint64_t slices)
{
    return slices > GCSHIM_HUGE_ABOVE / SLICE_BYTES && slices <= SLICES_MAX;
}

/* What mimalloc would cut for so many: whole slices up to 512 KiB, beyond
 * that multiples of these. */
static uint64_t slices_for(size_t bytes)
{
    uint64_t slices = (bytes + SLICE_BYTES - 1) >> CLASS_SLICE_SHIFT;
    return slices <= COARSE_SLICES
               ? slices
               : (slices + COARSE_SLICES - 1) & -(uint64_t)COARSE_SLICES;
}

COLD void *shelf_take(size_t bytes, size_t *ret_usable_bytes)
{
    uint64_t slices = bytes <= PTRDIFF_MAX ? slices_for(bytes) : 0;
    if (!is_kept_size(slices))
        return NULL;
    struct place *shelf = shelf_of(slices);
    for (unsigned i = 0; i < PLACES; i++) {
        uint64_t seen = look(&shelf[i]);
        if (slices_of(seen) >= slices && empty(&shelf[i], seen)) {
            *ret_usable_bytes = slices_of(seen) << CLASS_SLICE_SHIFT;
            return address_of(seen);
        }
    }
    return NULL;
}

static bool put(uint64_t block)
{
    struct place *shelf = shelf_of(slices_of(block));
    for (unsigned i = 0; i < PLACES; i++)
        if (fill(&shelf[i], block))
            return true;
    return false;
}

COLD bool shelf_put(void *p, size_t usable_bytes)
{
    uint64_t slices = usable_bytes >> CLASS_SLICE_SHIFT;
    if (((uintptr_t)p | usable_bytes) & (SLICE_BYTES - 1) ||
        !is_kept_size(slices))
        return false;
    count(usable_bytes);
    if (counter_read(&bytes_kept) <= settings.cache_large &&
        put((uintptr_t)p | slices))
        return true;
    uncount(usable_bytes);
    return false;
}

bool shelf_holds(const void *p, size_t usable_bytes)
{
    uint64_t slices = usable_bytes >> CLASS_SLICE_SHIFT;
    if (!is_kept_size(slices))
        return false;
    const struct place *shelf = shelf_of(slices);
    for (unsigned i = 0; i < PLACES; i++)
        if (address_of(look(&shelf[i])) == p)
            return true;
    return false;
}

static void give(void *p)
{
    bool was_inside = mimalloc_enter();
    mi_free(p);
    mimalloc_leave(was_inside);
}

static bool is_old(const struct place *place, uint64_t now_ns)
{
    uint32_t tid = atomic_load_explicit(&place->tid, memory_order_relaxed);
    return (int64_t)(now_ns - counter_read(&place->since_ns)) >=
           (tid == thread.tid ? OWN_AGE_NS : OTHERS_AGE_NS);
}

/* now_ns: END_OF_TIME for all. */
static bool give_old(uint64_t now_ns)
{
    bool has_given = false;
    for (unsigned i = 0; i < SHELVES; i++) {
        for (unsigned j = 0; j < PLACES; j++) {
            struct place *place = &places[i][j];
            uint64_t seen = look(place);
            if (seen == 0 || !is_old(place, now_ns) || !empty(place, seen))
                continue;
            give(address_of(seen));
            has_given = true;
        }
    }
    return has_given;
}

void shelf_tick(uint64_t now_ns)
{
    publish();
    if (now_ns < counter_read(&next_tick_ns))
        return;
    counter_set(&next_tick_ns, now_ns + TICK_SPACING_NS);
    if (give_old(now_ns))
        publish();
}

bool shelf_clear(void)
{
    bool has_given = give_old(END_OF_TIME);
    publish();
    return has_given;
}

void shelf_inherit(void)
{
    uint64_t slices = 0;
    for (unsigned i = 0; i < SHELVES; i++)
        for (unsigned j = 0; j < PLACES; j++)
            slices += slices_of(look(&places[i][j]));
    counter_set(&bytes_kept, slices << CLASS_SLICE_SHIFT);
    publish();
}
