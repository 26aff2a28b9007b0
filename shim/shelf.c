#include "shelf.h"

#include "class.h"
#include "counter.h"
#include "gcshim/layout.h"
#include "huge.h"
#include "process.h"
#include "settings.h"
#include "thread.h"

#include <assert.h>
#include <mimalloc.h>
#include <stdalign.h>

enum {
    SLICE_BYTES = 1 << CLASS_SLICE_SHIFT,
    SLICES_MAX = 16 * 1024 * 1024 / SLICE_BYTES,
    FIRST_CLASS = 54, /* class_index() of the smallest, of three slices */
    SHELVES = 27,     /* four to each doubling, up to 16 MiB */
    PLACES = 8,       /* on each: a line of the processor's cache */
    ENTRY_SHIFT = 48,
    RESERVED = 1,     /* a place for a block that is about to be put there */
    COARSE_SLICES = 8,

    /* Kept even where as much is in use as ever of late. */
    BYTES_MIN = 4 * 1024 * 1024,
    /* What was in use of late is forgotten by so much of it at each tick that
     * looks: half in a quarter of a second. */
    FORGOTTEN_SHARE = 64,

    OWN_AGE_NS = 25000000,
    /* Blocks of another thread's heap go back when that thread looks. */
    OTHERS_AGE_NS = 250000000,
    TICK_SPACING_NS = 5000000,
};

#define ADDRESS_BITS (~UINT64_C(0) >> (64 - ENTRY_SHIFT))

static_assert(GCSHIM_HUGE_ENTRIES < 1 << (64 - ENTRY_SHIFT),
              "an entry's number stands above an address");

TABLE static struct shelf {
    /* entry << 48 | address | slices; 0: free.  Blocks begin at a slice. */
    alignas(64) _Atomic uint64_t blocks[PLACES];
    /* When a tick first saw it, 0: none yet, and by whom it was put here. */
    _Atomic uint64_t since_ns[PLACES];
    _Atomic uint32_t tids[PLACES];
    _Atomic unsigned next; /* place to be filled; a hint */
} shelves[SHELVES];

static _Atomic uint64_t bytes_kept;
static _Atomic uint64_t next_tick_ns;

/* The most bytes that were in use in huge blocks at a time. */
static _Atomic uint64_t used_of_late;

/* In a child that was forked in the middle it may be less than none. */
static int64_t kept(void)
{
    return (int64_t)counter_read(&bytes_kept);
}

static void tell(void)
{
    int64_t bytes = kept();
    counter_set(&SLOT_LATE->cached_bytes, bytes > 0 ? (uint64_t)bytes : 0);
}

/* A fork child that comes here first of all would tell its parent's readers. */
static void publish(void)
{
    if (LIKELY(process_has_begun()))
        tell();
}

static void count(uint64_t bytes)
{
    counter_add_shared(&bytes_kept, bytes);
}

static void uncount(uint64_t bytes)
{
    counter_add_shared(&bytes_kept, -bytes);
}

/* A hint: who loses the race is asked again soon. */
static void note_used(uint64_t bytes)
{
    if (bytes > counter_read(&used_of_late))
        counter_set(&used_of_late, bytes);
}

/* With so much in use in huge blocks. */
static int64_t bytes_max(uint64_t used)
{
    int64_t room = (int64_t)(counter_read(&used_of_late) - used);
    if (room < BYTES_MIN)
        room = BYTES_MIN;
    return (uint64_t)room < settings.cache_large
               ? room
               : (int64_t)settings.cache_large;
}

static uint64_t slices_of(uint64_t block)
{
    return block & (SLICE_BYTES - 1);
}

static void *address_of(uint64_t block)
{
    return (void *)(block & ADDRESS_BITS & ~(uint64_t)(SLICE_BYTES - 1));
}

static bool is_block(uint64_t block)
{
    return block > RESERVED;
}

static uint64_t look(const struct shelf *shelf, unsigned place)
{
    return atomic_load_explicit(&shelf->blocks[place], memory_order_relaxed);
}

/* What was done to the block before it was put here comes first.
 * P: [shelf] */
static bool empty(struct shelf *shelf, unsigned place, uint64_t seen)
{
    if (!counter_swap(&shelf->blocks[place], seen, 0))
        return false;
    uncount(slices_of(seen) << CLASS_SLICE_SHIFT);
    return true;
}

static unsigned next_of(const struct shelf *shelf)
{
    return atomic_load_explicit(&shelf->next, memory_order_relaxed);
}

static void set_next(struct shelf *shelf, unsigned place)
{
    atomic_store_explicit(&shelf->next, place, memory_order_relaxed);
}

static struct shelf *shelf_of(uint64_t slices)
{
    return &shelves[class_index(slices << CLASS_SLICE_SHIFT) - FIRST_CLASS];
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

/* Backwards from the place that was filled last, where a block is likely: which
 * places are taken is not to be foretold, and a processor that guesses wrong
 * loses much. */
static bool take_from(struct shelf *shelf, uint64_t slices,
                      struct shelf_block *ret_block)
{
    unsigned next = next_of(shelf);
    for (unsigned i = 1; i <= PLACES; i++) {
        unsigned place = (next - i) % PLACES;
        uint64_t seen = look(shelf, place);
        if (slices_of(seen) >= slices && empty(shelf, place, seen)) {
            set_next(shelf, place);
            publish();
            *ret_block = (struct shelf_block){
                .p = address_of(seen),
                .bytes = slices_of(seen) << CLASS_SLICE_SHIFT,
                .entry = (uint32_t)(seen >> ENTRY_SHIFT),
            };
            return true;
        }
    }
    return false;
}

/* Or of the next shelf, where all are large enough, by half at most. */
static bool take(uint64_t slices, struct shelf_block *ret_block)
{
    struct shelf *shelf = shelf_of(slices);
    return take_from(shelf, slices, ret_block) ||
           (shelf + 1 < shelves + SHELVES &&
            take_from(shelf + 1, slices, ret_block));
}

bool shelf_take(size_t bytes, struct shelf_block *ret_block)
{
    uint64_t slices = bytes <= PTRDIFF_MAX ? slices_for(bytes) : 0;
    if (is_kept_size(slices) && take(slices, ret_block))
        return true;
    shelf_make_room(bytes);
    return false;
}

/* Counted first, so that all together stay below what may be kept. */
static bool count_within(uint64_t bytes, uint64_t used)
{
    count(bytes);
    if (kept() <= bytes_max(used))
        return true;
    uncount(bytes);
    return false;
}

static _Atomic uint64_t *reserve(struct shelf *shelf)
{
    unsigned next = next_of(shelf);
    for (unsigned i = 0; i < PLACES; i++) {
        unsigned place = (next + i) % PLACES;
        if (look(shelf, place) != 0 ||
            !counter_swap(&shelf->blocks[place], 0, RESERVED))
            continue;
        set_next(shelf, place + 1);
        atomic_store_explicit(&shelf->tids[place], thread.tid,
                              memory_order_relaxed);
        counter_set(&shelf->since_ns[place], 0);
        return &shelf->blocks[place];
    }
    return NULL;
}

_Atomic uint64_t *shelf_reserve(const void *p, size_t usable_bytes)
{
    uint64_t used = huge_bytes();
    uint64_t slices = usable_bytes >> CLASS_SLICE_SHIFT;
    note_used(used);
    if ((((uintptr_t)p | usable_bytes) & (SLICE_BYTES - 1)) ||
        !is_kept_size(slices) ||
        !count_within(usable_bytes, used - usable_bytes))
        return NULL;
    _Atomic uint64_t *place = reserve(shelf_of(slices));
    if (!place)
        uncount(usable_bytes);
    return place;
}

/* P: [shelf] */
void shelf_put(_Atomic uint64_t *place, const struct shelf_block *block)
{
    counter_set(place, (uint64_t)block->entry << ENTRY_SHIFT |
                           (uintptr_t)block->p |
                           block->bytes >> CLASS_SLICE_SHIFT);
    publish();
}

bool shelf_holds(const void *p, size_t usable_bytes)
{
    uint64_t slices = usable_bytes >> CLASS_SLICE_SHIFT;
    if (!is_kept_size(slices))
        return false;
    const struct shelf *shelf = shelf_of(slices);
    for (unsigned i = 0; i < PLACES; i++)
        if (address_of(look(shelf, i)) == p)
            return true;
    return false;
}

static void give(void *p)
{
    huge_forget(p);
    mimalloc_free(p);
}

static bool give_from(struct shelf *shelf, unsigned place)
{
    uint64_t seen = look(shelf, place);
    if (!is_block(seen) || !empty(shelf, place, seen))
        return false;
    give(address_of(seen));
    return true;
}

/* The largest first: as much room for fewer blocks. */
COLD void shelf_make_room(size_t bytes)
{
    int64_t max = bytes_max(huge_bytes() + bytes);
    for (unsigned i = SHELVES; i > 0 && kept() > max; i--)
        for (unsigned j = 0; j < PLACES && kept() > max; j++)
            if (is_block(look(&shelves[i - 1], j)))
                give_from(&shelves[i - 1], j);
}

static bool is_own(const struct shelf *shelf, unsigned place)
{
    return atomic_load_explicit(&shelf->tids[place], memory_order_relaxed) ==
           thread.tid;
}

static bool is_old(struct shelf *shelf, unsigned place, uint64_t now_ns)
{
    uint64_t since_ns = counter_read(&shelf->since_ns[place]);
    if (since_ns == 0)
        counter_set(&shelf->since_ns[place], since_ns = now_ns);
    return (int64_t)(now_ns - since_ns) >=
           (is_own(shelf, place) ? OWN_AGE_NS : OTHERS_AGE_NS);
}

static void give_old(uint64_t now_ns)
{
    for (unsigned i = 0; i < SHELVES; i++)
        for (unsigned j = 0; j < PLACES; j++)
            if (is_block(look(&shelves[i], j)) &&
                is_old(&shelves[i], j, now_ns))
                give_from(&shelves[i], j);
}

static void forget_used(void)
{
    uint64_t used = counter_read(&used_of_late);
    counter_set(&used_of_late, used - used / FORGOTTEN_SHARE);
    note_used(huge_bytes());
}

void shelf_tick(uint64_t now_ns)
{
    if (now_ns < counter_read(&next_tick_ns))
        return;
    counter_set(&next_tick_ns, now_ns + TICK_SPACING_NS);
    forget_used();
    give_old(now_ns);
    publish();
}

void shelf_leave(void)
{
    if (kept() == 0)
        return;
    for (unsigned i = 0; i < SHELVES; i++)
        for (unsigned j = 0; j < PLACES; j++)
            if (is_own(&shelves[i], j))
                give_from(&shelves[i], j);
    publish();
}

bool shelf_clear(void)
{
    bool has_given = false;
    for (unsigned i = 0; i < SHELVES; i++)
        for (unsigned j = 0; j < PLACES; j++)
            has_given |= give_from(&shelves[i], j);
    publish();
    return has_given;
}

/* What a thread of the parent had just reserved stays so: it may be the calling
 * one's. */
void shelf_inherit(void)
{
    uint64_t slices = 0;
    for (unsigned i = 0; i < SHELVES; i++)
        for (unsigned j = 0; j < PLACES; j++)
            if (is_block(look(&shelves[i], j)))
                slices += slices_of(look(&shelves[i], j));
    counter_set(&bytes_kept, slices << CLASS_SLICE_SHIFT);
    tell();
}
