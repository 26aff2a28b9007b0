#include "history.h"

#include "counter.h"
#include "region.h"
#include "segment.h"

#include <stdbool.h>

enum { SPACING_NS = 100000000 };

/* Whoever raises the flag is the only writer; who finds it raised leaves his
 * point out. */
static struct {
    _Atomic bool is_taken;
    bool is_started;
    uint64_t due_ns;
    uint64_t peak_bytes[GCSHIM_HISTORY_LEVELS]; /* since the last point */
} history;

void history_start(void)
{
    for (int i = 0; i < GCSHIM_HISTORY_LEVELS; i++)
        history.peak_bytes[i] = 0;
    history.due_ns = 0;
    history.is_started = true;
    atomic_store_explicit(&history.is_taken, false, memory_order_release);
}

/* The count last: whoever sees it sees the point.  P: [history] */
static uint64_t append(int level, const struct gcshim_point *point)
{
    struct gcshim_point *ring = region.segment.history[level];
    _Atomic uint64_t *points = &region.segment.header.history_points[level];
    uint64_t count = counter_read(points);
    struct gcshim_point *to = &ring[count % GCSHIM_HISTORY_POINTS];
    counter_set(&to->time_ns, point->time_ns);
    counter_set(&to->used_bytes, point->used_bytes);
    counter_set(&to->used_peak_bytes, history.peak_bytes[level]);
    counter_set(&to->committed_bytes, point->committed_bytes);
    counter_set(points, count + 1);
    history.peak_bytes[level] = 0;
    return count + 1;
}

static void append_to_levels(const struct gcshim_point *point)
{
    uint64_t count = 0;
    for (int level = 0; level < GCSHIM_HISTORY_LEVELS &&
                        count % GCSHIM_HISTORY_FAN == 0;
         level++) {
        struct gcshim_point *ring = region.segment.history[level];
        if (!segment_reserve(ring, sizeof(region.segment.history[level])))
            return;
        count = append(level, point);
    }
}

static void note(const struct gcshim_point *point)
{
    if (history.due_ns == 0) {
        history.due_ns = point->time_ns + SPACING_NS;
    } else if (point->time_ns >= history.due_ns) {
        history.due_ns = point->time_ns + SPACING_NS;
        append_to_levels(point);
    }
}

void history_note(uint64_t now_ns, uint64_t used_bytes,
                  uint64_t committed_bytes)
{
    if (!history.is_started ||
        atomic_exchange_explicit(&history.is_taken, true,
                                 memory_order_acquire))
        return;
    for (int i = 0; i < GCSHIM_HISTORY_LEVELS; i++)
        if (history.peak_bytes[i] < used_bytes)
            history.peak_bytes[i] = used_bytes;
    note(&(struct gcshim_point){.time_ns = now_ns,
                                .used_bytes = used_bytes,
                                .committed_bytes = committed_bytes});
    atomic_store_explicit(&history.is_taken, false, memory_order_release);
}

void history_hasten(void)
{
    history.due_ns = 1;
}
