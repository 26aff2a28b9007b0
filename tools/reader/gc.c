/* The collections of a runtime: see gc.h. */
#include "reader/gc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader/proc.h"
#include "reader/text.h"

enum { NS_PER_MS = 1000000 };

static_assert((int)READER_GC_GENERATIONS == (int)GCSHIM_GC_GENERATIONS &&
                  (int)READER_GC_EVENTS_MAX == (int)GCSHIM_GC_EVENTS,
              "the reader's own names for what the layout has");
static_assert((int)READER_GC_OFF == (int)GCSHIM_GC_OFF &&
                  (int)READER_GC_OBSERVE == (int)GCSHIM_GC_OBSERVE &&
                  (int)READER_GC_PACE == (int)GCSHIM_GC_PACE,
              "a mode is taken over as it is");

/* --------------------------------------------------------------- totals */

static uint64_t plausible(uint64_t bytes)
{
    return bytes <= SEGMENT_BYTES_MAX ? bytes : READER_UNKNOWN;
}

/* A figure that is 0 until there is one. */
static uint64_t set_or_unknown(uint64_t figure)
{
    return figure == 0 ? READER_UNKNOWN : figure;
}

static enum reader_gc_mode mode_of(uint32_t mode)
{
    return mode <= GCSHIM_GC_PACE ? (enum reader_gc_mode)mode
                                  : READER_GC_MODE_UNKNOWN;
}

static bool has_collected(const struct reader_gc *gc)
{
    for (size_t i = 0; i < READER_GC_GENERATIONS; i++) {
        if (gc->collections[i] != 0)
            return true;
    }
    return false;
}

/* What is of the last collection alone is of none before the first. */
static void last_set(struct reader_gc *gc, struct gcshim_gc *raw)
{
    bool is_any = has_collected(gc);

    gc->pause_ns_last = is_any ? raw->pause_ns_last : READER_UNKNOWN;
    gc->pause_ns_max = is_any ? raw->pause_ns_max : READER_UNKNOWN;
    gc->used_before_last =
        is_any ? plausible(raw->used_before_last) : READER_UNKNOWN;
    gc->used_after_last =
        is_any ? plausible(raw->used_after_last) : READER_UNKNOWN;
}

static void totals_set(struct reader_gc *gc, struct gcshim_gc *raw)
{
    text_copy(gc->runtime, sizeof(gc->runtime), raw->runtime,
              strnlen(raw->runtime, sizeof(raw->runtime)));
    gc->mode = mode_of(raw->mode);
    gc->is_blind = raw->is_blind != 0;
    for (size_t i = 0; i < READER_GC_GENERATIONS; i++)
        gc->collections[i] = raw->collections[i];
    gc->objects_collected = raw->objects_collected;
    gc->pause_ns_total = raw->pause_ns_total;
    gc->freed_total_bytes = raw->freed_bytes_total;
    gc->baseline_bytes = set_or_unknown(plausible(raw->baseline_bytes));
    gc->goal_bytes = set_or_unknown(plausible(raw->goal_bytes));
    gc->asked = raw->asked;
    last_set(gc, raw);
    /* A runtime that speaks to the shim by itself gives no name; it has a
     * goal from its first word on. */
    gc->is_there =
        gc->runtime[0] != '\0' || raw->goal_bytes != 0 || raw->events != 0;
}

/* --------------------------------------------------------------- events */

/* The ring three times over: the sequences that count are those before and
 * after the copy, and one read does not say what it copies first. */
struct passes {
    struct gcshim_gc_event before[GCSHIM_GC_EVENTS];
    struct gcshim_gc_event copy[GCSHIM_GC_EVENTS];
    struct gcshim_gc_event after[GCSHIM_GC_EVENTS];
};

static int pass_read(const struct segment *segment,
                     struct gcshim_gc_event *events, size_t count,
                     char reason[READER_REASON_BYTES])
{
    return segment_read(segment, events, count * sizeof(*events),
                        segment_entry(segment, GCSHIM_SECTION_GC_EVENTS, 0),
                        reason);
}

/* P: [gc-event] */
static bool is_whole(struct passes *passes, uint64_t number)
{
    size_t at = (size_t)(number % GCSHIM_GC_EVENTS);
    uint64_t sequence = 2 * (number + 1);

    return passes->before[at].sequence == sequence &&
           passes->after[at].sequence == sequence;
}

static uint32_t why_of(uint32_t flags)
{
    return flags &
           (READER_GC_BY_PACER | READER_GC_BY_LIMIT | READER_GC_BY_REQUEST);
}

static_assert((int)READER_GC_BY_PACER == (int)GCSHIM_GC_ASKED &&
                  (int)READER_GC_BY_LIMIT == (int)GCSHIM_GC_EMERGENCY &&
                  (int)READER_GC_BY_REQUEST == (int)GCSHIM_GC_ON_REQUEST,
              "who asked is taken over as it is");

static struct reader_gc_event event_of(struct gcshim_gc_event *raw,
                                       uint64_t now_ns)
{
    uint64_t begin_ns = raw->begin_ns;

    return (struct reader_gc_event){
        .begin_ns = begin_ns,
        .age_ms = now_ns > begin_ns ? (now_ns - begin_ns) / NS_PER_MS : 0,
        .pause_ns = raw->pause_ns,
        .used_before = raw->used_before,
        .used_after = raw->used_after,
        .objects = raw->objects,
        .generation = raw->generation,
        .asked_by = why_of(raw->flags),
        .tid = raw->tid,
    };
}

static bool is_sound(const struct reader_gc_event *event)
{
    return event->generation < READER_GC_GENERATIONS &&
           event->used_before <= SEGMENT_BYTES_MAX &&
           event->used_after <= SEGMENT_BYTES_MAX;
}

static size_t events_collect(struct passes *passes, uint64_t first,
                             uint64_t end, struct reader_gc_event *events)
{
    uint64_t now_ns = proc_now_ns();
    size_t count = 0;

    for (uint64_t number = first; number != end; number++) {
        if (!is_whole(passes, number))
            continue;
        events[count] =
            event_of(&passes->copy[number % GCSHIM_GC_EVENTS], now_ns);
        count += is_sound(&events[count]);
    }
    return count;
}

static int events_read(const struct segment *segment, uint64_t end,
                       struct reader_gc *gc, char reason[READER_REASON_BYTES])
{
    size_t count = end < GCSHIM_GC_EVENTS ? (size_t)end : GCSHIM_GC_EVENTS;
    struct passes *passes = calloc(1, sizeof(*passes));
    struct reader_gc_event *events = calloc(count, sizeof(*events));
    int err = passes && events ? 0 : -ENOMEM;

    if (err == 0)
        err = pass_read(segment, passes->before, count, reason);
    if (err == 0)
        err = pass_read(segment, passes->copy, count, reason);
    if (err == 0)
        err = pass_read(segment, passes->after, count, reason);
    if (err == 0) {
        gc->event_count = events_collect(passes, end - count, end, events);
        gc->events = events;
    } else {
        free(events);
    }
    free(passes);
    return err;
}

/* ----------------------------------------------------------------- read */

static bool has_table(const struct segment *segment,
                      enum gcshim_section_kind kind)
{
    return segment->sections[kind].entries != 0;
}

int gc_read(const struct segment *segment, struct reader_gc *ret_gc,
            char ret_reason[READER_REASON_BYTES])
{
    struct reader_gc gc = {0};
    struct gcshim_gc raw;
    int err = 0;

    if (!has_table(segment, GCSHIM_SECTION_GC)) {
        *ret_gc = gc;
        return 0;
    }
    err =
        segment_read(segment, &raw, sizeof(raw),
                     segment_entry(segment, GCSHIM_SECTION_GC, 0), ret_reason);
    if (err)
        return err;
    totals_set(&gc, &raw);
    if (raw.events != 0 && has_table(segment, GCSHIM_SECTION_GC_EVENTS))
        err = events_read(segment, raw.events, &gc, ret_reason);
    if (err == 0)
        *ret_gc = gc;
    return err;
}

void gc_fini(struct reader_gc *gc)
{
    free(gc->events);
    *gc = (struct reader_gc){0};
}

int gc_served(const struct segment *segment, uint32_t *ret_request,
              char ret_reason[READER_REASON_BYTES])
{
    uint64_t offset = segment_entry(segment, GCSHIM_SECTION_GC, 0) +
                      offsetof(struct gcshim_gc, collect_served);
    uint32_t request = 0;
    int err = 0;

    if (has_table(segment, GCSHIM_SECTION_GC))
        err = segment_read(segment, &request, sizeof(request), offset,
                           ret_reason);
    if (err == 0)
        *ret_request = request;
    return err;
}

/* ---------------------------------------------------------------- names */

const char *reader_gc_mode_name(enum reader_gc_mode mode)
{
    static const char *const names[] = {
        [READER_GC_OFF] = "off",
        [READER_GC_OBSERVE] = "observe",
        [READER_GC_PACE] = "pace",
        [READER_GC_MODE_UNKNOWN] = NULL,
    };

    return names[mode];
}
