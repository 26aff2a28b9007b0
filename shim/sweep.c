#include "sweep.h"

#include "compiler.h"
#include "gcshim/layout.h"
#include "thread.h"

#include <mimalloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Later ones look at their notes when told to collect, and have another
 * option in the place of this one. */
#if MI_MALLOC_VERSION < 210

enum { FIRST_VERSION_THAT_COLLECTS = 210, WORD_BITS = 64 };

/* From large to small, so that few blocks take up much.  A page of 64 KiB is
 * the smallest there is, and holds a few blocks of the last size. */
static const size_t sizes[] = {
    8 << 20, 4 << 20, 2 << 20, 1 << 20, 512 << 10, 192 << 10, 16 << 10,
};

/* The ranges of 32 MiB that the thread's heap has pages in.  A block from
 * elsewhere comes fresh from the system: there are no more free pages of its
 * size. */
static struct {
    _Atomic bool is_taken;
    uint64_t first, last; /* words in use */
} own = {.first = GCSHIM_RANGE_WORDS};

TABLE static uint64_t own_words[GCSHIM_RANGE_WORDS];

static bool note_page(const mi_heap_t *heap, const mi_heap_area_t *area,
                      void *block, size_t block_bytes, void *arg)
{
    uint64_t range = (uintptr_t)area->blocks >> GCSHIM_RANGE_SHIFT;
    uint64_t word = range / WORD_BITS;
    (void)heap;
    (void)block;
    (void)block_bytes;
    (void)arg;
    if (word >= GCSHIM_RANGE_WORDS)
        return true;
    own_words[word] |= UINT64_C(1) << range % WORD_BITS;
    if (word < own.first)
        own.first = word;
    if (word > own.last)
        own.last = word;
    return true;
}

static void own_clear(void)
{
    if (own.first <= own.last)
        memset(&own_words[own.first], 0,
               (own.last - own.first + 1) * sizeof(own_words[0]));
    own.first = GCSHIM_RANGE_WORDS;
    own.last = 0;
}

static bool is_own(const void *p)
{
    uint64_t range = (uintptr_t)p >> GCSHIM_RANGE_SHIFT;
    uint64_t word = range / WORD_BITS;
    return word < GCSHIM_RANGE_WORDS &&
           (own_words[word] >> range % WORD_BITS & 1);
}

static uint64_t own_bytes(void)
{
    uint64_t ranges = 0;
    for (uint64_t word = own.first; word <= own.last; word++)
        ranges += (uint64_t)__builtin_popcountll(own_words[word]);
    return ranges << GCSHIM_RANGE_SHIFT;
}

/* The blocks taken, a list through their first words. */
struct taken {
    struct taken *next;
};

/* Takes pages for blocks of one size while the heap has any free; no more
 * than it can have, whatever happens. */
static struct taken *take(struct taken *head, size_t bytes, uint64_t *room)
{
    while (*room >= bytes) {
        struct taken *block = mi_malloc(bytes);
        if (!block)
            return head;
        *room -= bytes;
        block->next = head;
        head = block;
        if (!is_own(block))
            return head;
    }
    return head;
}

static struct taken *take_all(void)
{
    struct taken *head = NULL;
    uint64_t room = own_bytes();
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        head = take(head, sizes[i], &room);
    return head;
}

static void give_back(struct taken *head)
{
    long delay_ms = mi_option_get(mi_option_decommit_delay);
    mi_option_set(mi_option_decommit_delay, 0);
    while (head) {
        struct taken *next = head->next;
        mi_free(head);
        head = next;
    }
    mi_collect(true);
    mi_option_set(mi_option_decommit_delay, delay_ms);
}

void sweep(void)
{
    if (mi_version() >= FIRST_VERSION_THAT_COLLECTS ||
        atomic_exchange_explicit(&own.is_taken, true, memory_order_acquire))
        return;
    mi_heap_visit_blocks(thread.heap, false, note_page, NULL);
    give_back(take_all());
    own_clear();
    atomic_store_explicit(&own.is_taken, false, memory_order_release);
}

void sweep_inherit(void)
{
    own_clear();
    atomic_store_explicit(&own.is_taken, false, memory_order_relaxed);
}

#else

void sweep(void)
{
}

void sweep_inherit(void)
{
}

#endif
