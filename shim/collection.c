#include "collection.h"

#include "account.h"
#include "clock.h"
#include "collector.h"
#include "counter.h"
#include "pacer.h"
#include "process.h"
#include "region.h"
#include "segment.h"
#include "settings.h"
#include "text.h"
#include "thread.h"

#include <errno.h>

enum { NS_PER_MS = 1000000, NS_PER_US = 1000, MS_PER_S = 1000 };

/* In private memory, for a fork child to find. */
static struct {
    char runtime[GCSHIM_GC_RUNTIME_BYTES];
    bool is_blind;
    _Atomic uint32_t mode_1;       /* mode + 1; 0: as GCSHIM_GC says */
    _Atomic uint64_t whole_end_ns; /* of the last whole collection */
} introduced;

struct gcshim_gc *collection_totals(void)
{
    struct gcshim_gc *gc = &region.segment.gc;
    return segment_reserve(gc, sizeof(*gc)) ? gc : NULL;
}

static void mode_tell(struct gcshim_gc *gc)
{
    uint32_t mode_1 =
        atomic_load_explicit(&introduced.mode_1, memory_order_relaxed);
    atomic_store_explicit(&gc->mode, mode_1 ? mode_1 - 1 : settings.gc,
                          memory_order_relaxed);
}

static void introduce(void)
{
    struct gcshim_gc *gc = collection_totals();
    if (!gc)
        return;
    mode_tell(gc);
    atomic_store_explicit(&gc->is_blind, introduced.is_blind,
                          memory_order_relaxed);
    text_copy(gc->runtime, sizeof(gc->runtime), introduced.runtime);
}

void collection_introduce(const char *runtime, bool is_blind)
{
    text_copy(introduced.runtime, sizeof(introduced.runtime), runtime);
    introduced.is_blind = is_blind;
    introduce();
}

void collection_set_mode(uint32_t mode)
{
    struct gcshim_gc *gc = collection_totals();
    atomic_store_explicit(&introduced.mode_1, mode + 1, memory_order_relaxed);
    if (gc)
        mode_tell(gc);
}

void collection_inherit(void)
{
    if (introduced.runtime[0])
        introduce();
}

uint32_t collections_begun(void)
{
    return thread.collection.begun;
}

void collection_begin(unsigned generation)
{
    int saved_errno = errno;
    thread.collection.generation =
        generation < GENERATION_WHOLE ? generation : GENERATION_WHOLE;
    thread.collection.begun++;
    thread.collection.used_before = account_used();
    thread.collection.begin_ns = clock_boottime_ns();
    errno = saved_errno;
}

/* What is told of a collection. */
struct outcome {
    uint64_t begin_ns, pause_ns;
    uint64_t longest_ns; /* without a break */
    uint64_t used_before, used_after;
    uint64_t objects;
    unsigned generation, flags;
};

static uint64_t freed(const struct outcome *outcome)
{
    return outcome->used_before > outcome->used_after
               ? outcome->used_before - outcome->used_after
               : 0;
}

static void totals_add(struct gcshim_gc *gc, const struct outcome *outcome)
{
    counter_add_shared(&gc->collections[outcome->generation], 1);
    if (outcome->objects != OBJECTS_UNKNOWN)
        counter_add_shared(&gc->objects_collected, outcome->objects);
    counter_set(&gc->pause_ns_last, outcome->pause_ns);
    counter_raise(&gc->pause_ns_max, outcome->longest_ns);
    counter_add_shared(&gc->pause_ns_total, outcome->pause_ns);
    counter_set(&gc->used_before_last, outcome->used_before);
    counter_set(&gc->used_after_last, outcome->used_after);
    counter_add_shared(&gc->freed_bytes_total, freed(outcome));
}

/* Two that write the same entry at once are a whole ring apart: a reader may
 * then miss one.  P: [gc-event] */
static void event_put(struct gcshim_gc *gc, const struct outcome *outcome)
{
    uint64_t number = atomic_fetch_add_explicit(&gc->events, 1,
                                                memory_order_relaxed);
    struct gcshim_gc_event *event =
        &region.segment.gc_events[number % GCSHIM_GC_EVENTS];
    if (!segment_reserve(event, sizeof(*event)))
        return;
    counter_set(&event->sequence, 2 * number + 1);
    counter_set(&event->begin_ns, outcome->begin_ns);
    counter_set(&event->pause_ns, outcome->pause_ns);
    counter_set(&event->used_before, outcome->used_before);
    counter_set(&event->used_after, outcome->used_after);
    counter_set(&event->objects, outcome->objects);
    atomic_store_explicit(&event->generation, outcome->generation,
                          memory_order_release);
    atomic_store_explicit(&event->flags, outcome->flags, memory_order_release);
    atomic_store_explicit(&event->tid, thread.tid, memory_order_release);
    counter_set(&event->sequence, 2 * (number + 1));
}

/* A number with so many digits behind the point. */
static void put_fraction(struct text *text, uint64_t number, uint64_t unit,
                         uint64_t parts)
{
    text_put_number(text, number / unit);
    text_put(text, ".");
    for (uint64_t rest = number % unit * parts / unit, digit = parts / 10;
         digit > 0; digit /= 10)
        text_put_number(text, rest / digit % 10);
}

/* After Go's gctrace. */
static void tell(const struct gcshim_gc *gc, const struct outcome *outcome)
{
    char buffer[256];
    struct text text = text_on(buffer, sizeof(buffer));
    uint64_t age = outcome->begin_ns - region.segment.header.created_ns;
    uint64_t percent = age ? counter_read(&gc->pause_ns_total) * 100 / age : 0;
    text_put(&text, "gc ");
    text_put_number(&text, counter_read(&gc->events));
    text_put(&text, " @");
    put_fraction(&text, age / NS_PER_MS, MS_PER_S, 1000);
    text_put(&text, "s ");
    text_put_number(&text, percent);
    text_put(&text, "%: generation ");
    text_put_number(&text, outcome->generation);
    text_put(&text, ", ");
    put_fraction(&text, outcome->pause_ns / NS_PER_US, 1000, 1000);
    text_put(&text, " ms, ");
    text_put_size(&text, outcome->used_before);
    text_put(&text, " -> ");
    text_put_size(&text, outcome->used_after);
    if (counter_read(&gc->goal_bytes)) {
        text_put(&text, ", goal ");
        text_put_size(&text, counter_read(&gc->goal_bytes));
    }
    if (outcome->objects != OBJECTS_UNKNOWN) {
        text_put(&text, ", ");
        text_put_number(&text, outcome->objects);
        text_put(&text, " objects");
    }
    if (outcome->flags & GCSHIM_GC_ASKED)
        text_put(&text, ", asked for");
    text_warn(&text);
}

static uint64_t program_ns(const struct outcome *outcome)
{
    uint64_t before = counter_read(&introduced.whole_end_ns);
    if (before == 0)
        before = region.segment.header.created_ns;
    return outcome->begin_ns > before ? outcome->begin_ns - before : 0;
}

static void note(const struct outcome *outcome)
{
    struct gcshim_gc *gc = collection_totals();
    bool is_whole = outcome->generation == GENERATION_WHOLE;
    struct pacer_collection collection = {
        .used_before = outcome->used_before,
        .used_after = outcome->used_after,
        .pause_ns = outcome->pause_ns,
        .program_ns = program_ns(outcome),
        .objects = outcome->objects,
        .is_asked = (outcome->flags & GCSHIM_GC_ASKED) != 0,
    };
    collector_collected(&collection, is_whole);
    if (is_whole)
        counter_set(&introduced.whole_end_ns,
                    outcome->begin_ns + outcome->pause_ns);
    if (!gc)
        return;
    totals_add(gc, outcome);
    event_put(gc, outcome);
    if (settings.gc_debug)
        tell(gc, outcome);
}

void collection_end(uint64_t objects)
{
    int saved_errno = errno;
    process_enter(); /* a fork child's event is not its parent's */
    uint64_t end_ns = clock_boottime_ns();
    struct outcome outcome = {
        .begin_ns = thread.collection.begin_ns,
        .pause_ns = end_ns - thread.collection.begin_ns,
        .longest_ns = end_ns - thread.collection.begin_ns,
        .used_before = thread.collection.used_before,
        .used_after = account_used(),
        .objects = objects,
        .generation = thread.collection.generation,
        .flags = thread.collection.flags,
    };
    if (outcome.begin_ns != 0)
        note(&outcome);
    thread.collection.begin_ns = 0;
    errno = saved_errno;
}

void collection_tell(const struct collected *collected)
{
    int saved_errno = errno;
    uint64_t before = collected->used_before, given = collected->freed_bytes;
    struct outcome outcome = {
        .begin_ns = collected->begin_ns,
        .pause_ns = collected->pause_ns,
        .longest_ns = collected->longest_ns,
        .used_before = before,
        .used_after = before > given ? before - given : 0,
        .objects = collected->objects,
        .generation = collected->generation,
        .flags = collected->flags,
    };
    note(&outcome);
    errno = saved_errno;
}
