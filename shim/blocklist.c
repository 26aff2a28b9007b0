#include "blocklist.h"

#include "counter.h"
#include "segment.h"

enum {
    /* The entries that an address may lie in on one level. */
    WINDOW = 8,
    CHOICES = 2, /* windows of a level, each by a half of the hash */
    HALF_BITS = 16,
    BUSY = 1, /* an address with this bit: its entry is being filled */
};

/* Fibonacci hashing: the upper half of the product is the mixed one. */
static uint32_t hash(const struct blocklist *list, const void *p)
{
    uint64_t key = (uintptr_t)p >> list->shift;
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* Two windows to choose from leave far fewer blocks without room than one. */
static uint32_t window_of(const struct blocklist *list,
                          const struct blocklist_level *level, const void *p,
                          int choice)
{
    return level->first + (hash(list, p) >> (choice * HALF_BITS) &
                           (level->entries - 1) & ~(uint32_t)(WINDOW - 1));
}

static struct gcshim_huge *shared(const struct blocklist *list,
                                  const struct gcshim_huge *entry)
{
    return &list->shared[entry - list->entries];
}

/* The address last: who sees it sees the rest.  P: [huge] */
static void fill(struct gcshim_huge *entry, uint64_t address, uint64_t bytes,
                 const struct blocklist_note *note)
{
    counter_set(&entry->bytes, bytes);
    counter_set(&entry->allocated_ns, note->allocated_ns);
    atomic_store_explicit(&entry->site, note->site, memory_order_release);
    atomic_store_explicit(&entry->tid, note->tid, memory_order_release);
    counter_set(&entry->address, address);
}

static struct blocklist_note note_of(struct gcshim_huge *entry)
{
    return (struct blocklist_note){
        .allocated_ns = counter_read(&entry->allocated_ns),
        .tid = atomic_load_explicit(&entry->tid, memory_order_relaxed),
        .site = atomic_load_explicit(&entry->site, memory_order_relaxed),
    };
}

static bool level_open(struct blocklist *list,
                       const struct blocklist_level *level)
{
    uint64_t end = level->first + level->entries;
    if (counter_read(&list->high) >= end)
        return true;
    if (list->is_private ||
        !segment_reserve(&list->shared[level->first],
                         level->entries * sizeof(struct gcshim_huge)))
        return false;
    counter_raise(&list->high, end);
    counter_raise(list->shared_high, end);
    return true;
}

/* A free entry of the window, now the caller's; or NULL. */
static struct gcshim_huge *window_claim(struct blocklist *list, uint32_t first,
                                        const void *p)
{
    for (uint32_t i = first; i < first + WINDOW; i++) {
        struct gcshim_huge *entry = &list->entries[i];
        uint64_t none = 0;
        /* Acquire: after its last owner is through with the copy. */
        if (counter_read(&entry->address) == 0 &&
            atomic_compare_exchange_strong_explicit(
                &entry->address, &none, (uintptr_t)p | BUSY,
                memory_order_acquire, memory_order_relaxed))
            return entry;
    }
    return NULL;
}

static struct gcshim_huge *entry_claim(struct blocklist *list, const void *p)
{
    for (int i = 0; i < list->level_count; i++) {
        const struct blocklist_level *level = &list->levels[i];
        if (!level_open(list, level))
            return NULL;
        for (int k = 0; k < CHOICES; k++) {
            struct gcshim_huge *entry =
                window_claim(list, window_of(list, level, p, k), p);
            if (entry)
                return entry;
        }
    }
    return NULL;
}

static struct gcshim_huge *window_find(struct blocklist *list, uint32_t first,
                                       const void *p)
{
    for (uint32_t i = first; i < first + WINDOW; i++)
        if (counter_read(&list->entries[i].address) == (uintptr_t)p)
            return &list->entries[i];
    return NULL;
}

static struct gcshim_huge *entry_find(struct blocklist *list, const void *p)
{
    for (int i = 0; i < list->level_count; i++) {
        const struct blocklist_level *level = &list->levels[i];
        if (level->first >= counter_read(&list->high))
            return NULL;
        for (int k = 0; k < CHOICES; k++) {
            struct gcshim_huge *entry =
                window_find(list, window_of(list, level, p, k), p);
            if (entry)
                return entry;
        }
    }
    return NULL;
}

bool blocklist_add(struct blocklist *list, const void *p, size_t bytes,
                   const struct blocklist_note *note)
{
    struct gcshim_huge *entry = entry_claim(list, p);
    if (!entry)
        return false;
    fill(entry, (uintptr_t)p, bytes, note);
    if (!list->is_private)
        fill(shared(list, entry), (uintptr_t)p, bytes, note);
    return true;
}

bool blocklist_remove(struct blocklist *list, const void *p,
                      struct blocklist_note *ret_note)
{
    struct gcshim_huge *entry = entry_find(list, p);
    if (!entry)
        return false;
    *ret_note = note_of(entry);
    if (!list->is_private)
        counter_set(&shared(list, entry)->address, 0);
    /* Release: the next owner's stores come after this one's. */
    counter_set(&entry->address, 0);
    return true;
}

void blocklist_clear(struct blocklist *list)
{
    uint64_t high = counter_read(&list->high);
    for (uint64_t i = 0; i < high; i++)
        counter_set(&list->entries[i].address, 0);
    counter_set(&list->high, 0);
}

/* What a thread of the parent was just filling in has no owner here. */
static void entry_inherit(struct blocklist *list, struct gcshim_huge *entry)
{
    uint64_t address = counter_read(&entry->address);
    struct blocklist_note note = note_of(entry);
    if (address & BUSY)
        counter_set(&entry->address, 0);
    else if (address && !list->is_private)
        fill(shared(list, entry), address, counter_read(&entry->bytes), &note);
}

void blocklist_inherit(struct blocklist *list)
{
    uint64_t high = counter_read(&list->high);
    list->is_private = !segment_reserve(list->shared,
                                        high * sizeof(struct gcshim_huge));
    if (!list->is_private)
        counter_set(list->shared_high, high);
    for (uint64_t i = 0; i < high; i++)
        entry_inherit(list, &list->entries[i]);
}
