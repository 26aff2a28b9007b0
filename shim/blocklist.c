#include "blocklist.h"

#include "counter.h"
#include "segment.h"

enum {
    /* The entries that an address may lie in on one level. */
    WINDOW = 8,
    CHOICES = 2, /* windows of a level, each by a half of the hash */
    HALF_BITS = 16,
    /* An address with this bit: its entry */
    BUSY = 1,   /* is being filled */
    PARKED = 2, /* waits for its block to come back */
};

/* Fibonacci hashing: the upper half of the product is the mixed one. */
static uint32_t hash(const struct blocklist *list, const void *p)
{
    uint64_t key = (uintptr_t)p >> list->shift;
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

/* Where in a window of a level to begin: what is looked for mostly lies there.
 * Two windows to choose from leave far fewer blocks without room than one. */
static uint32_t home_of(const struct blocklist *list,
                        const struct blocklist_level *level, const void *p,
                        int choice)
{
    return level->first +
           (hash(list, p) >> (choice * HALF_BITS) & (level->entries - 1));
}

/* The next entry of the same window, the first after the last. */
static struct gcshim_huge *window_entry(const struct blocklist *list,
                                        uint32_t home, uint32_t i)
{
    uint32_t first = home & ~(uint32_t)(WINDOW - 1);
    return &list->entries[first | ((home + i) & (WINDOW - 1))];
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
static struct gcshim_huge *window_claim(struct blocklist *list, uint32_t home,
                                        const void *p)
{
    for (uint32_t i = 0; i < WINDOW; i++) {
        struct gcshim_huge *entry = window_entry(list, home, i);
        /* After its last owner is through with the copy. */
        if (counter_read(&entry->address) == 0 &&
            counter_swap(&entry->address, 0, (uintptr_t)p | BUSY))
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
                window_claim(list, home_of(list, level, p, k), p);
            if (entry)
                return entry;
        }
    }
    return NULL;
}

static struct gcshim_huge *window_find(const struct blocklist *list,
                                       uint32_t home, uint64_t address)
{
    for (uint32_t i = 0; i < WINDOW; i++) {
        struct gcshim_huge *entry = window_entry(list, home, i);
        if (counter_read(&entry->address) == address)
            return entry;
    }
    return NULL;
}

static struct gcshim_huge *entry_search(const struct blocklist *list,
                                        const void *p, uint64_t mark)
{
    for (int i = 0; i < list->level_count; i++) {
        const struct blocklist_level *level = &list->levels[i];
        if (level->first >= counter_read(&list->high))
            return NULL;
        for (int k = 0; k < CHOICES; k++) {
            struct gcshim_huge *entry = window_find(
                list, home_of(list, level, p, k), (uintptr_t)p | mark);
            if (entry)
                return entry;
        }
    }
    return NULL;
}

/* mark: PARKED or 0. */
static struct gcshim_huge *entry_find(const struct blocklist *list,
                                      const void *p, uint64_t mark)
{
    struct gcshim_huge *entry =
        &list->entries[home_of(list, &list->levels[0], p, 0)];
    if (LIKELY(counter_read(&entry->address) == ((uintptr_t)p | mark)))
        return entry;
    return entry_search(list, p, mark);
}

/* The table last: who counts the blocks does so right after. */
static void list_entry(struct blocklist *list, struct gcshim_huge *entry,
                       const void *p, size_t bytes,
                       const struct blocklist_note *note)
{
    if (!list->is_private)
        fill(shared(list, entry), (uintptr_t)p, bytes, note);
    fill(entry, (uintptr_t)p, bytes, note);
}

bool blocklist_add(struct blocklist *list, const void *p, size_t bytes,
                   const struct blocklist_note *note)
{
    struct gcshim_huge *entry = entry_claim(list, p);
    if (entry)
        list_entry(list, entry, p, bytes, note);
    return entry;
}

uint32_t blocklist_find(const struct blocklist *list, const void *p)
{
    const struct gcshim_huge *entry = entry_find(list, p, 0);
    return entry ? (uint32_t)(entry - list->entries) + 1 : 0;
}

bool blocklist_unpark(struct blocklist *list, const void *p, size_t bytes,
                      const struct blocklist_note *note, uint32_t number)
{
    if (number == 0)
        return blocklist_add(list, p, bytes, note);
    list_entry(list, &list->entries[number - 1], p, bytes, note);
    return true;
}

/* next: what is in the place of the address from then on.  Release: the next
 * owner's stores come after this one's. */
static void unlist(struct blocklist *list, struct gcshim_huge *entry,
                   uint64_t next)
{
    if (!list->is_private)
        counter_set(&shared(list, entry)->address, 0);
    counter_set(&entry->address, next);
}

bool blocklist_remove(struct blocklist *list, const void *p,
                      struct blocklist_note *ret_note)
{
    struct gcshim_huge *entry = entry_find(list, p, 0);
    if (!entry)
        return false;
    *ret_note = note_of(entry);
    unlist(list, entry, 0);
    return true;
}

void blocklist_park(struct blocklist *list, const void *p, uint32_t number)
{
    unlist(list, &list->entries[number - 1], (uintptr_t)p | PARKED);
}

void blocklist_forget(struct blocklist *list, const void *p)
{
    struct gcshim_huge *entry = entry_find(list, p, PARKED);
    if (entry)
        counter_set(&entry->address, 0);
}

static bool is_listed_entry(const struct gcshim_huge *entry)
{
    uint64_t address = counter_read(&entry->address);
    return address && !(address & (BUSY | PARKED));
}

void blocklist_sum(const struct blocklist *list, uint64_t *ret_blocks,
                   uint64_t *ret_bytes)
{
    uint64_t high = counter_read(&list->high), blocks = 0, bytes = 0;
    for (uint64_t i = 0; i < high; i++) {
        if (!is_listed_entry(&list->entries[i]))
            continue;
        blocks++;
        bytes += counter_read(&list->entries[i].bytes);
    }
    *ret_blocks = blocks;
    *ret_bytes = bytes;
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
    else if (is_listed_entry(entry) && !list->is_private)
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
