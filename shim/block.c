#include "block.h"

#include "collector.h"
#include "settings.h"
#include "shelf.h"

#include <mimalloc.h>

enum {
    /* mimalloc begins pages of blocks up to 1 KiB at a multiple of 128, all
     * others at one of 64 KiB. */
    SMALL_PAGE_ALIGNMENT = 128,
    PAGE_ALIGNMENT = 64 * 1024,
    /* Of up to so many bytes aligned to 256 mimalloc makes a block of 320 to
     * 640, by an inner address.  They all ask for as many and get 640, so that
     * the pages of one class are mixed and no others. */
    INNER_ALIGNMENT = 256,
    INNER_BYTES = 640 - (INNER_ALIGNMENT - 1),
    /* Up to here blocks that a realloc leaves are not kept, where a thread has
     * more blocks than so many. */
    OUTGROWN_MAX = 256,
    COMPANY_BLOCKS = 1000,
};

COLD void *block_refuse(void *p)
{
    mimalloc_free(p);
    errno = ENOMEM;
    return NULL;
}

COLD void *block_alloc_slow(void *p, unsigned class)
{
    return account_alloc(p, class_bytes[class]) ? p : block_refuse(p);
}

/* A block of so many usable bytes, just had from mimalloc. */
static void *fresh_counted(void *p, size_t bytes)
{
    bool is_counted = account_is_large(bytes) ? account_alloc_large(p, bytes)
                                              : account_alloc(p, bytes);
    if (UNLIKELY(!is_counted))
        return block_refuse(p);
    if (is_huge(bytes))
        huge_add(p, bytes);
    return p;
}

/* Of a size, or from a page, that has not been met; or huge. */
COLD static void *fresh_noted(void *p, size_t request_bytes)
{
    unsigned class;
    p = fresh_counted(p, class_note(p, &class));
    if (p)
        class_learn(request_bytes, class);
    return p;
}

/* What mimalloc says to a request; class: that is expected to serve it. */
static void *fresh(void *p, size_t request_bytes, unsigned class)
{
    if (UNLIKELY(!p)) {
        errno = ENOMEM;
        return NULL;
    }
    if (LIKELY(is_class(class) && class_of_block(p) == class))
        return fresh_counted(p, class_bytes[class]);
    return fresh_noted(p, request_bytes);
}

/* Where memory is short, once more without what is kept for later. */
static void *alloc_fresh(size_t bytes, unsigned class)
{
    void *p;
    do {
        bool was_inside = mimalloc_enter();
        p = mi_malloc(bytes);
        mimalloc_leave(was_inside);
    } while (UNLIKELY(!p && shelf_clear()));
    return fresh(p, bytes, class);
}

static void *alloc_huge(size_t bytes)
{
    struct shelf_block kept;
    if (!shelf_take(bytes, &kept))
        return alloc_fresh(bytes, CLASS_NONE);
    if (UNLIKELY(!account_alloc_large(kept.p, kept.bytes))) {
        huge_forget(kept.p);
        return block_refuse(kept.p);
    }
    huge_readd(kept.p, kept.bytes, kept.entry);
    return kept.p;
}

COLD static void *alloc_checked(size_t bytes, unsigned class)
{
    void *p = cache_take_checked(class);
    p = p ? block_alloc_slow(p, class) : alloc_fresh(bytes, class);
    if (p)
        cache_mark_fresh(p, bytes);
    return p;
}

void *block_alloc_uncached(size_t bytes, unsigned class)
{
    if (UNLIKELY(settings.cache_debug))
        return alloc_checked(bytes, class);
    return alloc_fresh(bytes, class);
}

void *block_alloc_larger(size_t bytes)
{
    if (is_huge(bytes))
        return alloc_huge(bytes);
    if (bytes > CLASS_BYTES_MAX)
        return block_alloc_uncached(bytes, CLASS_NONE);
    unsigned class = class_index(bytes);
    return block_alloc_of_class(bytes,
                                process_has_begun() ? class : CLASS_NONE);
}

/* mimalloc knows fresh memory to be zero, so that what is large is left to
 * it. */
void *block_alloc_zeroed(size_t count, size_t bytes)
{
    size_t total;
    unsigned class = CLASS_NONE;
    if (LIKELY(!__builtin_mul_overflow(count, bytes, &total)) &&
        total <= REQUEST_SMALL_MAX) {
        class = class_of_request(total);
        void *p = cache_take(class);
        if (LIKELY(p))
            return block_alloc_slow(memset(p, 0, total), class);
    }
    if (is_huge(total))
        shelf_make_room(total);
    bool was_inside = mimalloc_enter();
    void *p = mi_calloc(count, bytes);
    mimalloc_leave(was_inside);
    return fresh(p, total, class);
}

static bool is_power_of_two(size_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

/* Not mi_malloc_aligned(): that of 2.0.9 returns misaligned blocks for
 * alignments of 256 to 1024 where the size is a power of two up to 1024; with
 * an offset it takes another path, which is right. */
static void *alloc_over_aligned(size_t alignment, size_t bytes)
{
    if (alignment == INNER_ALIGNMENT && bytes < INNER_BYTES)
        bytes = INNER_BYTES;
    if (is_huge(bytes))
        shelf_make_room(bytes);
    bool was_inside = mimalloc_enter();
    void *p = mi_malloc_aligned_at(bytes, alignment, 0);
    mimalloc_leave(was_inside);
    if (UNLIKELY(!p)) {
        errno = ENOMEM;
        return NULL;
    }
    return fresh_counted(p, class_note_aligned(p));
}

/* A size all of whose blocks are aligned, if pages begin as they do; 0 if
 * there is none.  mimalloc itself would hand out an inner address of a block
 * larger by the alignment, and make a slice mixed (class.h); this takes up to
 * 2.4 times as much of a small block. */
static size_t aligned_size(size_t alignment, size_t bytes)
{
    if (alignment == INNER_ALIGNMENT && bytes <= INNER_BYTES)
        return 0;
    size_t whole = bytes > alignment ? bytes : alignment;
    if (alignment > SMALL_PAGE_ALIGNMENT && whole <= REQUEST_SMALL_MAX)
        whole = REQUEST_SMALL_MAX + 1;
    whole = (whole + alignment - 1) & ~(alignment - 1);
    return alignment <= PAGE_ALIGNMENT && whole <= CLASS_BYTES_MAX &&
                   (class_bytes[class_index(whole)] & (alignment - 1)) == 0
               ? whole
               : 0;
}

void *block_alloc_aligned(size_t alignment, size_t bytes)
{
    if (alignment <= sizeof(void *))
        return block_alloc(bytes);
    size_t whole =
        bytes <= CLASS_BYTES_MAX ? aligned_size(alignment, bytes) : 0;
    if (whole == 0)
        return alloc_over_aligned(alignment, bytes);
    void *p = block_alloc(whole);
    if (LIKELY(((uintptr_t)p & (alignment - 1)) == 0))
        return p;
    block_free(p);
    return alloc_over_aligned(alignment, bytes);
}

void *block_alloc_aligned_checked(size_t alignment, size_t bytes)
{
    if (UNLIKELY(!is_power_of_two(alignment))) {
        errno = EINVAL;
        return NULL;
    }
    return block_alloc_aligned(alignment, bytes);
}

int block_posix_memalign(void **ret_p, size_t alignment, size_t bytes)
{
    if (!is_power_of_two(alignment) || alignment % sizeof(void *) != 0)
        return EINVAL;
    int saved_errno = errno;
    void *p = block_alloc_aligned(alignment, bytes);
    errno = saved_errno;
    if (!p)
        return ENOMEM;
    *ret_p = p;
    return 0;
}

bool block_unlist(void *p, size_t bytes, struct blocklist_note *ret_note)
{
    if (is_huge(bytes)) {
        *ret_note = huge_remove(p, bytes);
        return true;
    }
    return samples_may_hold(p) && samples_remove(p, ret_note);
}

/* It was not freed after all. */
static void relist(void *p, size_t bytes, const struct blocklist_note *note)
{
    if (is_huge(bytes))
        huge_restore(p, bytes, note);
    else
        samples_add(p, bytes, note);
}

/* errno stays: programs free on their way out of an error. */
static void give(void *p)
{
    int saved_errno = *thread.errno_location;
    mimalloc_free(p);
    *thread.errno_location = saved_errno;
}

/* Before it is freed: after that it may be its next owner's. */
static void uncount(void *p, size_t bytes)
{
    if (account_is_large(bytes))
        account_free_large(bytes);
    else
        account_free(bytes);
    if (is_listed(bytes))
        block_unlist(p, bytes, &(struct blocklist_note){0});
}

static void free_huge(const struct shelf_block *block)
{
    account_free_large(block->bytes);
    _Atomic uint64_t *place = shelf_reserve(block->p, block->bytes);
    if (place) {
        huge_park(block->p, block->bytes, block->entry);
        shelf_put(place, block);
    } else {
        huge_remove(block->p, block->bytes);
        give(block->p);
    }
}

/* mimalloc's own notes of a huge block lie where nothing else is used. */
static struct shelf_block known(void *p)
{
    struct shelf_block block = {.p = p};
    if (class_of_block(p) == CLASS_HUGE)
        block.entry = huge_entry_of(p);
    if (LIKELY(block.entry)) {
        block.bytes = huge_entry_bytes(block.entry);
        INVARIANT(block.bytes == mi_usable_size(p));
        return block;
    }
    block.bytes = mi_usable_size(p);
    if (is_huge(block.bytes))
        block.entry = huge_entry_of(p);
    return block;
}

static void free_uncached(void *p)
{
    struct shelf_block block = known(p);
    if (is_huge(block.bytes)) {
        free_huge(&block);
        return;
    }
    uncount(p, block.bytes);
    give(p);
}

void block_free_slow(void *p, unsigned class)
{
    if (!is_class(class)) {
        if (p)
            free_uncached(p);
        return;
    }
    INVARIANT(class_bytes[class] == mi_usable_size(p));
    uncount(p, class_bytes[class]);
    cache_put(p, class);
}

/* A block leaves its list before it is moved, as its address may be somebody
 * else's at once; and is put back if it stayed. */
static void *moved_by_mimalloc(void *p, size_t old_bytes, size_t bytes)
{
    struct blocklist_note note;
    process_enter(); /* a fork child would forget it in its parent's list */
    bool was_listed = is_listed(old_bytes) && block_unlist(p, old_bytes, &note);
    bool was_inside = mimalloc_enter();
    void *moved = mi_realloc(p, bytes);
    mimalloc_leave(was_inside);
    if (UNLIKELY(!moved && was_listed))
        relist(p, old_bytes, &note);
    return moved;
}

static bool is_beyond_limit(size_t old_bytes, size_t bytes)
{
    return UNLIKELY(settings.gc_max) && bytes > old_bytes &&
           collector_refuses(bytes - old_bytes);
}

static void *realloc_by_mimalloc(void *p, size_t old_bytes, size_t bytes)
{
    void *moved = is_beyond_limit(old_bytes, bytes)
                      ? NULL
                      : moved_by_mimalloc(p, old_bytes, bytes);
    if (UNLIKELY(!moved)) {
        errno = ENOMEM;
        return NULL;
    }
    unsigned class;
    size_t new_bytes = moved == p ? old_bytes : class_note(moved, &class);
    account_resize(moved, old_bytes, new_bytes);
    if (is_huge(new_bytes))
        huge_add(moved, new_bytes);
    return moved;
}

/* As mimalloc has it: up to half of a block may go to waste. */
static bool is_fit(size_t usable_bytes, size_t bytes)
{
    return bytes <= usable_bytes && bytes >= usable_bytes / 2;
}

/* Blocks that grow by and by do so in company: those of one size come to be
 * together and leave together, page by page.  One that were kept here would
 * hold its page, and hand the place of one that has left to one that stays. */
static void free_outgrown(void *p, size_t bytes)
{
    const struct gcshim_counters *own = &thread.slot->total;
    int64_t blocks = (int64_t)(counter_read(&own->allocated_blocks) -
                               counter_read(&own->freed_blocks));
    if (bytes > OUTGROWN_MAX || blocks <= COMPANY_BLOCKS ||
        settings.cache_debug) {
        block_free(p);
        return;
    }
    uncount(p, bytes);
    give(p);
}

static void *moved_to_another(void *p, size_t old_bytes, size_t bytes)
{
    void *moved = block_alloc(bytes);
    if (UNLIKELY(!moved))
        return NULL;
    memcpy(moved, p, bytes < old_bytes ? bytes : old_bytes);
    free_outgrown(p, old_bytes);
    return moved;
}

void *block_realloc(void *p, size_t bytes)
{
    if (!p)
        return block_alloc(bytes);
    if (bytes == 0) {
        block_free(p);
        return NULL;
    }
    size_t old_bytes = class_usable_bytes(p);
    if (UNLIKELY(settings.gc_max) ||
        (is_listed(old_bytes) && is_fit(old_bytes, bytes)))
        return realloc_by_mimalloc(p, old_bytes, bytes);
    if (!is_fit(old_bytes, bytes))
        return moved_to_another(p, old_bytes, bytes);
    account_resize(p, old_bytes, old_bytes);
    return p;
}

void *block_realloc_array(void *p, size_t count, size_t bytes)
{
    size_t total;
    if (UNLIKELY(__builtin_mul_overflow(count, bytes, &total))) {
        errno = ENOMEM;
        return NULL;
    }
    return block_realloc(p, total);
}
