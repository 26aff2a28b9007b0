#include "names.h"

#include "compiler.h"
#include "counter.h"
#include "region.h"
#include "segment.h"
#include "turn.h"

#include <string.h>

enum { PLACES = 2 * GCSHIM_NAMES };

static_assert(NAME_TEXT_BYTES % sizeof(uint64_t) == 0, "hashed by words");

/* From index 1 on. */
TABLE static struct gcshim_name names[GCSHIM_NAMES];
static uint32_t count = 1;
static _Atomic uint64_t dropped;
static _Atomic bool turn;

/* Where a name is, by its hash: indices, or 0.  Never more than half full.
 * W: who adds, after the name.  R: any. */
TABLE static _Atomic uint32_t places[PLACES];

static uint64_t hash(const char *text, size_t bytes)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325), word;
    for (size_t i = 0; i < bytes; i += sizeof(word)) {
        memcpy(&word, text + i, sizeof(word));
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 32;
    }
    return h ? h : 1;
}

/* The place of the name, or the free one for it. */
static _Atomic uint32_t *find(uint64_t h, uint32_t *ret_name)
{
    uint32_t i = (uint32_t)(h % PLACES);
    for (;; i = (i + 1) % PLACES) {
        *ret_name = atomic_load_explicit(&places[i], memory_order_acquire);
        if (*ret_name == 0 || names[*ret_name].hash == h)
            return &places[i];
    }
}

/* P: [profile-tables] */
static void publish(uint32_t from, uint32_t to)
{
    memcpy(&region.segment.names[from], &names[from],
           (to - from) * sizeof(names[0]));
    atomic_store_explicit(&region.segment.profile.names, to,
                          memory_order_release);
}

static uint32_t add(uint64_t h, const char *text)
{
    uint32_t number;
    _Atomic uint32_t *place = find(h, &number);
    if (number || count == GCSHIM_NAMES ||
        !segment_reserve(&region.segment.names[count], sizeof(names[0])))
        return number;
    names[count].hash = h;
    memcpy(names[count].text, text, NAME_TEXT_BYTES);
    publish(count, count + 1);
    atomic_store_explicit(place, count, memory_order_release);
    return count++;
}

/* To readers it is in use. */
uint32_t names_unknown(void)
{
    uint32_t none = 0;
    atomic_compare_exchange_strong_explicit(&region.segment.profile.names,
                                            &none, 1, memory_order_release,
                                            memory_order_relaxed);
    return 0;
}

static uint32_t add_alone(uint64_t h, const char *text)
{
    uint32_t number = 0;
    if (turn_take(&turn)) {
        number = add(h, text);
        turn_give_back(&turn);
    }
    if (number)
        return number;
    counter_add_shared(&dropped, 1);
    counter_add_shared(&region.segment.profile.names_dropped, 1);
    return names_unknown();
}

uint32_t names_enter(const char text[NAME_TEXT_BYTES], size_t bytes)
{
    uint64_t h = hash(text, bytes);
    uint32_t number;
    find(h, &number);
    return number ? number : add_alone(h, text);
}

/* Whoever had taken the table is not here: its name has no place yet, and the
 * next one overwrites it. */
void names_inherit(void)
{
    turn_give_back(&turn);
    names_unknown();
    if (count > 1 && segment_reserve(&region.segment.names[0],
                                     count * sizeof(names[0])))
        publish(1, count);
    counter_set(&region.segment.profile.names_dropped, counter_read(&dropped));
}
