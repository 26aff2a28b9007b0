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

/* address | slices; 0: free.  Blocks begin at a slice. */
static _Atomic uint64_t places[SHELVES][PLACES];

/* When, and by whom, what lies there was put there; as a hint, as these are
 * written after it. */
static struct {
    _Atomic uint64_t since_ns;
    _Atomic uint32_t tid;
} notes[SHELVES][PLACES];

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

static uint64_t slices_of(uint64_t place)
{
    return place & (SLICE_BYTES - 1);
}

static void *block_of(uint64_t place)
{
    return (void *)(place & ~(uint64_t)(SLICE_BYTES - 1));
}

static uint64_t read(const _Atomic uint64_t *place)
{
    return atomic_load_explicit(place, memory_order_relaxed);
}

/* Acquire: what was done to the block before it was put here comes first.
 * P: [shelf] */
static bool empty(_Atomic uint64_t *place, uint64_t seen)
{
    if (!atomic_compare_exchange_strong_explicit(
            place, &seen, 0, memory_order_acquire, memory_order_relaxed))
        return false;
    uncount(slices_of(seen) << CLASS_SLICE_SHIFT);
    return true;
}

static _Atomic uint64_t *shelf_of(uint64_t slices)
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
    _Atomic uint64_t *shelf = shelf_of(slices);
    for (unsigned i = 0; i < PLACES; i++) {
        uint64_t seen = read(&shelf[i]);
        if (slices_of(seen) >= slices && empty(&shelf[i], seen)) {
            *ret_usable_bytes = slices_of(seen) << CLASS_SLICE_SHIFT;
            return block_of(seen);
        }
    }
    return NULL;
}

static bool put(_Atomic uint64_t *shelf, uint64_t place)
{
    for (unsigned i = 0; i < PLACES; i++) {
        uint64_t seen = 0;
        /* P: [shelf] */
        if (read(&shelf[i]) == 0 &&
            atomic_compare_exchange_strong_explicit(&shelf[i], &seen, place,
                                                    memory_order_release,
                                                    memory_order_relaxed)) {
            size_t at = (size_t)(&shelf[i] - &places[0][0]);
            atomic_store_explicit(&notes[0][at].tid, thread.tid,
                                  memory_order_relaxed);
            counter_set(&notes[0][at].since_ns, clock_coarse_ns());
            return true;
        }
    }
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
        put(shelf_of(slices), (uintptr_t)p | slices))
        return true;
    uncount(usable_bytes);
    return false;
}

bool shelf_holds(const void *p, size_t usable_bytes)
{
    uint64_t slices = usable_bytes >> CLASS_SLICE_SHIFT;
    if (!is_kept_size(slices))
        return false;
    const _Atomic uint64_t *shelf = shelf_of(slices);
    for (unsigned i = 0; i < PLACES; i++)
        if (block_of(read(&shelf[i])) == p)
            return true;
    return false;
}

static void give(void *p)
{
    bool was_inside = mimalloc_enter();
    mi_free(p);
    mimalloc_leave(was_inside);
}

static bool is_old(unsigned shelf, unsigned place, uint64_t now_ns)
{
    uint64_t since_ns = counter_read(&notes[shelf][place].since_ns);
    uint32_t tid =
        atomic_load_explicit(&notes[shelf][place].tid, memory_order_relaxed);
    return (int64_t)(now_ns - since_ns) >=
           (tid == thread.tid ? OWN_AGE_NS : OTHERS_AGE_NS);
}

/* now_ns: END_OF_TIME for all. */
static bool give_old(uint64_t now_ns)
{
    bool has_given = false;
    for (unsigned i = 0; i < SHELVES; i++) {
        for (unsigned j = 0; j < PLACES; j++) {
            uint64_t seen = read(&places[i][j]);
            if (seen == 0 || !is_old(i, j, now_ns) ||
                !empty(&places[i][j], seen))
                continue;
            give(block_of(seen));
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
            slices += slices_of(read(&places[i][j]));
    counter_set(&bytes_kept, slices << CLASS_SLICE_SHIFT);
    publish();
}
