/* The collections of a runtime, in words: see gc.h. */
#include "common/gc.h"

#include <inttypes.h>
#include <stdio.h>

#include "common/size.h"

const char *gc_name(const struct reader_gc *gc)
{
    return gc->runtime[0] ? gc->runtime : "a runtime of its own";
}

char *gc_title(char text[GC_TEXT_BYTES], const struct reader_gc *gc)
{
    const char *mode = reader_gc_mode_name(gc->mode);

    /* One that speaks to the shim by itself is no matter of modes. */
    if (gc->runtime[0] == '\0')
        (void)snprintf(text, GC_TEXT_BYTES, "%s", gc_name(gc));
    else
        (void)snprintf(text, GC_TEXT_BYTES, "%s (%s)", gc_name(gc),
                       mode ? mode : "-");
    return text;
}

const char *gc_asker(const struct reader_gc_event *event)
{
    if (event->asked_by & READER_GC_BY_REQUEST)
        return "request";
    if (event->asked_by & READER_GC_BY_LIMIT)
        return "limit";
    return event->asked_by & READER_GC_BY_PACER ? "pacer" : "runtime";
}

uint64_t gc_freed(const struct reader_gc_event *event)
{
    return event->used_before > event->used_after
               ? event->used_before - event->used_after
               : 0;
}

uint64_t gc_collections(const struct reader_gc *gc)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < READER_GC_GENERATIONS; i++) {
        if (__builtin_add_overflow(sum, gc->collections[i], &sum))
            return READER_UNKNOWN;
    }
    return sum;
}

char *gc_outcome(char text[GC_TEXT_BYTES], const struct reader_gc *gc,
                 const struct reader_gc_event *event)
{
    char before[SIZE_BYTES];
    char after[SIZE_BYTES];
    char pause[AGE_BYTES];

    (void)snprintf(text, GC_TEXT_BYTES, "used %s -> %s in %s (%s)",
                   size_format(before, event->used_before),
                   size_format(after, event->used_after),
                   pause_format(pause, event->pause_ns), gc_name(gc));
    return text;
}

/* ---------------------------------------------------------------- lines */

static void counts_line(char text[GC_TEXT_BYTES], const struct reader_gc *gc)
{
    char counts[READER_GC_GENERATIONS][COUNT_BYTES];

    (void)snprintf(text, GC_TEXT_BYTES,
                   "generation 0: %s, 1: %s, 2: %s collections",
                   count_format(counts[0], gc->collections[0]),
                   count_format(counts[1], gc->collections[1]),
                   count_format(counts[2], gc->collections[2]));
}

static void freed_line(char text[GC_TEXT_BYTES], const struct reader_gc *gc)
{
    char freed[SIZE_BYTES];
    char objects[COUNT_BYTES];

    (void)snprintf(text, GC_TEXT_BYTES, "freed %s in all, %s objects",
                   size_format(freed, gc->freed_total_bytes),
                   count_format(objects, gc->objects_collected));
}

static void pauses_line(char text[GC_TEXT_BYTES], const struct reader_gc *gc)
{
    char last[AGE_BYTES];
    char longest[AGE_BYTES];
    char total[AGE_BYTES];

    (void)snprintf(text, GC_TEXT_BYTES,
                   "pause %s the last, %s the longest, %s in all",
                   pause_format(last, gc->pause_ns_last),
                   pause_format(longest, gc->pause_ns_max),
                   pause_format(total, gc->pause_ns_total));
}

/* Before the first whole collection there is only the goal. */
static void goal_line(char text[GC_TEXT_BYTES], const struct reader_gc *gc)
{
    char goal[SIZE_BYTES];
    char left[SIZE_BYTES];
    char asked[COUNT_BYTES];
    bool is_first = gc->baseline_bytes == READER_UNKNOWN;

    (void)snprintf(text, GC_TEXT_BYTES, "goal %s%s%s; asked %s time%s",
                   size_format(goal, gc->goal_bytes),
                   is_first ? "" : ", the last whole one left ",
                   is_first ? "" : size_format(left, gc->baseline_bytes),
                   count_format(asked, gc->asked), gc->asked == 1 ? "" : "s");
}

static void blind_line(char text[GC_TEXT_BYTES], const struct reader_gc *gc)
{
    (void)snprintf(text, GC_TEXT_BYTES,
                   "%s keeps its objects in an allocator of its own: they are "
                   "not among the bytes used, and its collections cannot be "
                   "seen",
                   gc_name(gc));
}

char *gc_line(char text[GC_TEXT_BYTES], const struct reader_gc *gc, int line)
{
    static void (*const lines[GC_LINES])(char text[GC_TEXT_BYTES],
                                         const struct reader_gc *gc) = {
        counts_line, freed_line, pauses_line, goal_line};

    if (line < 0 || line >= GC_LINES)
        return NULL;
    if (gc->is_blind && line > 0)
        return NULL;
    if (lines[line] == goal_line && gc->goal_bytes == READER_UNKNOWN)
        return NULL;
    (gc->is_blind ? blind_line : lines[line])(text, gc);
    return text;
}
