#include "cache.h"

#include "clock.h"
#include "compiler.h"
#include "counter.h"
#include "settings.h"
#include "slot.h"
#include "text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* A list holds at least so many blocks, or none at all. */
    BLOCKS_MIN = 2,
    BLOCKS_MAX = 128,

    /* Threads in the first slots have their arrays here, where the next owner
     * of the slot finds them warm; others ask mimalloc for them. */
    ROOMS = 512,

    TICKS_TO_LOOK = 16,

    FRESH = 0xa5, /* with GCSHIM_CACHE_DEBUG: what a fresh block is full of */
};

/* How many blocks each list may hold, and all of them. */
static uint16_t blocks_max[CLASSES];
static size_t blocks_max_of_all;

TABLE static void *rooms[ROOMS][CLASS_LAST * BLOCKS_MAX];

const struct cache_lists cache_none, cache_busy;

static uint64_t min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The same number of bytes for each class. */
void cache_start(void)
{
    blocks_max_of_all = 0;
    for (unsigned class = 1; class < CLASSES; class ++) {
        uint64_t blocks = settings.cache / CLASS_LAST / class_bytes[class];
        blocks_max[class] =
            blocks < BLOCKS_MIN ? 0 : (uint16_t)min(blocks, BLOCKS_MAX);
        blocks_max_of_all += blocks_max[class];
    }
}

static size_t room_bytes(void)
{
    return blocks_max_of_all * sizeof(void *);
}

static void lists_open(void **room)
{
    for (unsigned class = 1; class < CLASSES; class ++) {
        thread.cache.own.of[class] = (struct cache_list){
            .blocks = room,
            .recent_of_alloc = recent_of_alloc(class_bytes[class]),
            .recent_of_free = recent_of_free(class_bytes[class]),
            .bytes = class_bytes[class],
            .max = blocks_max[class],
        };
        room += blocks_max[class];
    }
}

static size_t slot_index(void)
{
    return (size_t)(thread.slot - region.segment.slots);
}

static bool has_own_room(void)
{
    return slot_index() < ROOMS;
}

static void **room_claim(void)
{
    if (has_own_room())
        return rooms[slot_index()];
    bool was_inside = mimalloc_enter();
    void **room = mi_malloc(room_bytes());
    mimalloc_leave(was_inside);
    return room;
}

static bool room_open(void)
{
    void **room = room_claim();
    if (!room)
        return false;
    lists_open(room);
    thread.cache.room = room;
    return true;
}

static bool is_open(void)
{
    return thread.cache.room && thread.cache.lists != CACHE_NONE;
}

/* A handler may have opened it, or given it up, before a thread that did not
 * know yet put back what it had read: then there is room, and none of its own
 * lists is in place; or the other way round. */
void cache_open(void)
{
    if (LIKELY(is_open()) || thread.cache.lists == CACHE_BUSY ||
        blocks_max_of_all == 0)
        return;
    if ((thread.cache.room || room_open()) && !settings.cache_debug)
        thread.cache.lists = &thread.cache.own;
}

/* False where there are none, or a handler has come in the middle of
 * something. */
static bool lists_claim(void)
{
    if (!thread.cache.room || thread.cache.is_checking ||
        thread.cache.lists == CACHE_BUSY)
        return false;
    thread.cache.is_checking = settings.cache_debug;
    cache_enter();
    return true;
}

static void lists_release(void)
{
    thread.cache.is_checking = false;
    cache_leave(settings.cache_debug ? CACHE_NONE : &thread.cache.own);
}

static struct cache_list *list_of(unsigned class)
{
    return &thread.cache.own.of[class];
}

COLD static void complain(const char *what, const void *p, unsigned class)
{
    char buffer[256];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put(&text, what);
    text_put(&text, " of ");
    text_put_number(&text, class_bytes[class]);
    text_put(&text, " bytes at ");
    text_put_hex(&text, (uintptr_t)p);
    text_warn(&text);
    abort();
}

/* With GCSHIM_CACHE_DEBUG: what a freed block is full of, each with its own,
 * so that no program writes it by chance. */
static uint64_t pattern(const void *p)
{
    return ((uintptr_t)p | 1) * UINT64_C(0xdbdbdbdbdbdbdbdb);
}

static bool is_filled(const void *p, unsigned class)
{
    const uint64_t *word = p;
    for (size_t i = 0; i < class_bytes[class] / sizeof(*word); i++)
        if (word[i] != pattern(p))
            return false;
    return true;
}

static void fill(void *p, unsigned class)
{
    uint64_t *word = p;
    for (size_t i = 0; i < class_bytes[class] / sizeof(*word); i++)
        word[i] = pattern(p);
}

/* A fresh block is filled with something else: who finds this pattern in a
 * block that is being freed knows that it was freed before. */
static void check_put(void *p, unsigned class)
{
    if (!settings.cache_debug)
        return;
    if (is_filled(p, class))
        complain("double free of a block", p, class);
    fill(p, class);
}

static void check_take(const void *p, unsigned class)
{
    if (settings.cache_debug && !is_filled(p, class))
        complain("write after free to a block", p, class);
}

/* The oldest ones: what was freed last is likely to be in the processor's
 * caches.  The list is whole before the first is given. */
static void give_oldest(unsigned class, uint32_t count)
{
    struct cache_list *list = list_of(class);
    bool was_inside = mimalloc_enter();
    for (uint32_t i = 0; i < count; i++) {
        check_take(list->blocks[i], class);
        mi_free(list->blocks[i]);
    }
    mimalloc_leave(was_inside);
    list->count -= count;
    memmove(list->blocks, list->blocks + count,
            list->count * sizeof(list->blocks[0]));
}

static void put(void *p, unsigned class)
{
    struct cache_list *list = list_of(class);
    check_put(p, class);
    if (list->max && list->count == list->max)
        give_oldest(class, (list->max + 1U) / 2);
    if (list->max)
        list->blocks[list->count++] = p;
    else
        mimalloc_free(p);
}

COLD void cache_put_slow(void *p, unsigned class)
{
    int saved_errno = errno;
    if (lists_claim()) {
        put(p, class);
        lists_release();
    } else {
        mimalloc_free(p);
    }
    errno = saved_errno;
}

COLD void *cache_take_checked(unsigned class)
{
    void *p = NULL;
    if (!lists_claim())
        return NULL;
    struct cache_list *list = list_of(class);
    if (list->count > 0) {
        p = list->blocks[--list->count];
        check_take(p, class);
    }
    lists_release();
    return p;
}

COLD void cache_mark_fresh(void *p, size_t bytes)
{
    memset(p, FRESH, bytes ? bytes : 1);
}

static void give_all(void)
{
    for (unsigned class = 1; class < CLASSES; class ++)
        give_oldest(class, list_of(class)->count);
}

/* Not where a handler has come in the middle of something: what it leaves is
 * given back another time. */
void cache_flush(void)
{
    if (!lists_claim())
        return;
    give_all();
    lists_release();
}

/* Who has just been about to take them finds nothing, and no room. */
bool cache_close(void)
{
    if (!thread.cache.room)
        return true;
    if (!lists_claim())
        return false;
    give_all();
    thread.cache.own = (struct cache_lists){0};
    if (!has_own_room())
        mimalloc_free(thread.cache.room);
    thread.cache.room = NULL;
    thread.cache.is_checking = false;
    cache_leave(CACHE_NONE);
    return true;
}

uint64_t cache_bytes(void)
{
    if (!thread.cache.room)
        return 0;
    uint64_t bytes = has_own_room() ? 0 : room_bytes();
    for (unsigned class = 1; class < CLASSES; class ++)
        bytes += (uint64_t)list_of(class)->count * list_of(class)->bytes;
    return bytes;
}

void cache_publish(void)
{
    if (thread.slot != SLOT_LATE)
        counter_set(&thread.slot->cached_bytes, cache_bytes());
}

/* A page of mimalloc's stays where one block of it is here: so what has been
 * of no use since the last look is given back.  mimalloc asks for the time when
 * the page goes. */
static void give_idle(void)
{
    static THREAD_LOCAL struct {
        const void *top;
        uint32_t count;
    } seen[CLASSES];
    if (thread.in_mimalloc || clock_is_stopped() || !lists_claim())
        return;
    for (unsigned class = 1; class < CLASSES; class ++) {
        struct cache_list *list = list_of(class);
        const void *top = list->count ? list->blocks[list->count - 1] : NULL;
        if (top && top == seen[class].top && list->count == seen[class].count)
            give_oldest(class, list->count);
        seen[class].top = top;
        seen[class].count = list->count;
    }
    lists_release();
    cache_publish();
}

void cache_tick(bool may_have_changed)
{
    if (thread.cache.ticks++ % TICKS_TO_LOOK == 0)
        give_idle();
    if (may_have_changed && thread.cache.changes++ % TICKS_TO_LOOK == 0)
        cache_publish();
}
