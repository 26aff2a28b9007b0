#include "class.h"

#include "gcshim/layout.h"
#include "links.h"
#include "process.h"

#include <assert.h>

/* The addresses of a process, of 47 bits, fit into entries. */
static_assert(47 - CLASS_TAG_SHIFT <= 16, "a tag and a class are one entry");
static_assert(CLASS_VALUES <= 1 << CLASS_BITS, "they fit into an entry");

/* clang-format off */
const uint16_t class_bytes[CLASSES] = {
    0,     8,     16,    24,    32,    40,    48,    56,    64,
    80,    96,    112,   128,   160,   192,   224,   256,   320,
    384,   448,   512,   640,   768,   896,   1024,  1280,  1536,
    1792,  2048,  2560,  3072,  3584,  4096,  5120,  6144,  7168,
    8192,  10240, 12288, 14336, 16384, 20480, 24576, 28672, 32768,
};
/* clang-format on */

TABLE _Atomic uint16_t class_table[1 << CLASS_TABLE_BITS];

/* The same as in the wiped memory. */
static _Atomic uint8_t learnt[REQUESTS];

/* Written by class_start() alone, before any thread but the first. */
static bool in_use;

/* mimalloc 2: slices of 64 KiB, pages of whole slices.  Blocks that the
 * program takes by mimalloc's own names would not be noted, and freed by ours
 * they might be taken for what lay there before. */
void class_start(void)
{
    in_use = mi_version() / 100 == 2 && !links_take_blocks();
}

bool class_is_in_use(void)
{
    return in_use;
}

static bool is_mixed(uint16_t entry)
{
    return (entry & ((1 << CLASS_BITS) - 1)) == CLASS_MIXED;
}

/* Compare and exchange: another slice of the same index may become mixed
 * meanwhile. */
static void entry_set(const void *p, unsigned class)
{
    _Atomic uint16_t *entry = class_entry(p);
    uint16_t wanted = (uint16_t)(class_tag(p) | class);
    uint16_t old = atomic_load_explicit(entry, memory_order_relaxed);
    while (old != wanted && !is_mixed(old) &&
           !atomic_compare_exchange_weak_explicit(entry, &old, wanted,
                                                  memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

static unsigned class_of_bytes(size_t bytes)
{
    unsigned class = bytes <= CLASS_BYTES_MAX ? class_index(bytes) : CLASS_NONE;
    return class_bytes[class] == bytes ? class : CLASS_NONE;
}

size_t class_note(const void *p, unsigned *ret_class)
{
    size_t bytes = mi_usable_size(p);
    *ret_class = CLASS_NONE;
    if (!in_use)
        return bytes;
    unsigned class = class_of_bytes(bytes);
    entry_set(p, bytes > GCSHIM_HUGE_ABOVE ? CLASS_HUGE : class);
    if (class_of_block(p) == class)
        *ret_class = class;
    return bytes;
}

/* A block above 128 KiB has its page for itself, so that its slice may be
 * noted anew when it is gone. */
size_t class_note_aligned(const void *p)
{
    size_t bytes = mi_usable_size(p);
    if (in_use)
        entry_set(p, bytes > GCSHIM_HUGE_ABOVE ? CLASS_NONE : CLASS_MIXED);
    return bytes;
}

static void request_set(size_t words, uint8_t class)
{
    atomic_store_explicit(&region.wiped.class_by_request[words], class,
                          memory_order_relaxed);
}

void class_learn(size_t request_bytes, unsigned class)
{
    size_t words = (request_bytes + REQUEST_WORD - 1) / REQUEST_WORD;
    if (words >= REQUESTS || class_bytes[class] < words * REQUEST_WORD ||
        class_of_request(request_bytes) == class || !process_has_begun())
        return;
    atomic_store_explicit(&learnt[words], (uint8_t) class,
                          memory_order_relaxed);
    request_set(words, (uint8_t) class);
}

void class_begin(void)
{
    for (size_t words = 0; words < REQUESTS; words++)
        request_set(words, atomic_load_explicit(&learnt[words],
                                                memory_order_relaxed));
}
