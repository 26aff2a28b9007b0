/* The history: see history.h. */
#include "reader/history.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "reader/proc.h"

enum { POINTS_MAX = GCSHIM_HISTORY_LEVELS * GCSHIM_HISTORY_POINTS };

/* A copy of the rings, and how many points they had before and after. */
struct rings {
    uint64_t before[GCSHIM_HISTORY_LEVELS];
    uint64_t after[GCSHIM_HISTORY_LEVELS];
    struct gcshim_point points[GCSHIM_HISTORY_LEVELS][GCSHIM_HISTORY_POINTS];
};

static int counts_read(const struct segment *segment,
                       uint64_t counts[GCSHIM_HISTORY_LEVELS],
                       char reason[READER_REASON_BYTES])
{
    return segment_read(segment, counts,
                        GCSHIM_HISTORY_LEVELS * sizeof(*counts),
                        offsetof(struct gcshim_header, history_points), reason);
}

/* Levels fill one after the other: what follows the last that has a point is
 * a hole. */
static size_t levels_in_use(const uint64_t counts[GCSHIM_HISTORY_LEVELS])
{
    size_t levels = GCSHIM_HISTORY_LEVELS;

    while (levels > 0 && counts[levels - 1] == 0)
        levels--;
    return levels;
}

static int rings_read(const struct segment *segment, struct rings *rings,
                      char reason[READER_REASON_BYTES])
{
    int err = counts_read(segment, rings->before, reason);

    if (err == 0)
        err = segment_read(
            segment, rings->points,
            levels_in_use(rings->before) * sizeof(rings->points[0]),
            segment_entry(segment, GCSHIM_SECTION_HISTORY, 0), reason);
    if (err == 0)
        err = counts_read(segment, rings->after, reason);
    return err;
}

/* The first point of a level that was there during the whole copy: the place
 * of the one before may have been that of the next to come.  P: [history] */
static uint64_t first_of(uint64_t count)
{
    return count < GCSHIM_HISTORY_POINTS ? 0
                                         : count - GCSHIM_HISTORY_POINTS + 1;
}

static uint64_t max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

static struct reader_point point_of(struct gcshim_point *point)
{
    uint64_t used = point->used_bytes;

    return (struct reader_point){
        .time_ns = point->time_ns,
        .used_bytes = used,
        .used_peak_bytes = max(point->used_peak_bytes, used),
        .allocated_bytes = max(point->committed_bytes, used),
    };
}

static bool is_sound(const struct reader_point *point)
{
    return point->time_ns != 0 && point->used_peak_bytes <= SEGMENT_BYTES_MAX &&
           point->allocated_bytes <= SEGMENT_BYTES_MAX;
}

/* Going back in time: points, from their end on, become those of a level that
 * are older than what is there.  Returns how many there are now. */
static size_t level_add(struct rings *rings, size_t level, uint64_t *oldest_ns,
                        struct reader_point points[POINTS_MAX], size_t count)
{
    uint64_t first = first_of(rings->after[level]);

    if (rings->after[level] < rings->before[level])
        return count;
    for (uint64_t i = rings->before[level]; i > first; i--) {
        size_t at = (size_t)((i - 1) % GCSHIM_HISTORY_POINTS);
        struct reader_point point = point_of(&rings->points[level][at]);

        if (!is_sound(&point) || point.time_ns >= *oldest_ns)
            continue;
        *oldest_ns = point.time_ns;
        points[POINTS_MAX - ++count] = point;
    }
    return count;
}

/* From the finest level to the coarsest, each going on where the one before
 * has forgotten. */
static int merge(struct rings *rings, struct reader_point **ret_points,
                 size_t *ret_count)
{
    struct reader_point *points = calloc(POINTS_MAX, sizeof(*points));
    uint64_t oldest_ns = proc_now_ns() + 1;
    size_t count = 0;

    if (!points)
        return -ENOMEM;
    for (size_t level = 0; level < GCSHIM_HISTORY_LEVELS; level++)
        count = level_add(rings, level, &oldest_ns, points, count);
    if (count > 0)
        memmove(points, points + POINTS_MAX - count, count * sizeof(*points));

    void *fitting = reallocarray(points, count + 1, sizeof(*points));

    *ret_points = fitting ? fitting : points;
    *ret_count = count;
    return 0;
}

int history_read(const struct segment *segment,
                 struct reader_point **ret_points, size_t *ret_count,
                 char ret_reason[READER_REASON_BYTES])
{
    struct rings *rings = NULL;
    int err = 0;

    *ret_points = NULL;
    *ret_count = 0;
    if (segment->sections[GCSHIM_SECTION_HISTORY].entries == 0)
        return 0;
    rings = calloc(1, sizeof(*rings));
    if (!rings)
        return -ENOMEM;
    err = rings_read(segment, rings, ret_reason);
    if (err == 0)
        err = merge(rings, ret_points, ret_count);
    free(rings);
    return err;
}
