/* Fewer points in a recording: see thin.h. */
#include "recording/thin.h"

#include <stdlib.h>

#include "common/gc.h"

/* --------------------------------------------------------------- merging */

static uint64_t least_of(uint64_t a, uint64_t b)
{
    return a < b ? a : b; /* UNKNOWN is the largest of all */
}

static uint64_t most_of(uint64_t a, uint64_t b)
{
    if (a == READER_UNKNOWN || b == READER_UNKNOWN)
        return a == READER_UNKNOWN ? b : a;
    return a > b ? a : b;
}

static uint64_t sum_of(uint64_t a, uint64_t b)
{
    uint64_t sum = 0;

    return __builtin_add_overflow(a, b, &sum) ? READER_UNKNOWN - 1 : sum;
}

static void samples_merge(struct recording_sample *later,
                          struct recording_sample *earlier)
{
    for (size_t i = 0; i < figure_count; i++) {
        if (later->figures[i] == READER_UNKNOWN)
            later->figures[i] = earlier->figures[i];
    }
    for (size_t i = 0; i < FIGURE_RANGES; i++) {
        later->least[i] = least_of(later->least[i], earlier->least[i]);
        later->most[i] = most_of(later->most[i], earlier->most[i]);
    }
    later->samples = sum_of(later->samples, earlier->samples);
    if (later->verdict != READER_VERDICT_UNKNOWN)
        return;
    char *evidence = later->evidence;

    later->verdict = earlier->verdict;
    later->evidence = earlier->evidence;
    earlier->evidence = evidence;
}

static void collections_merge(struct recording_gc *later,
                              const struct recording_gc *earlier)
{
    if (gc_freed(&earlier->event) > gc_freed(&later->event))
        later->event = earlier->event;
    later->collections = sum_of(later->collections, earlier->collections);
    later->freed_bytes_sum =
        sum_of(later->freed_bytes_sum, earlier->freed_bytes_sum);
    later->pause_ns_sum = sum_of(later->pause_ns_sum, earlier->pause_ns_sum);
}

static void merge(struct recording_entry *later,
                  struct recording_entry *earlier)
{
    if (later->kind == RECORDING_SAMPLE)
        samples_merge(later->sample, earlier->sample);
    else if (later->kind == RECORDING_GC)
        collections_merge(later->gc, earlier->gc);
    else if (later->kind == RECORDING_GAP)
        later->gap->collections =
            sum_of(later->gap->collections, earlier->gap->collections);
    recording_entry_fini(earlier);
}

/* -------------------------------------------------------------- grouping */

/* Goes through the entries of a kind in groups, each of at most the width
 * that befits its age.  The width is that of the last. */
struct grouping {
    enum recording_kind kind;
    double width_ns;
    uint64_t length_ns;
};

static bool fits(const struct grouping *grouping, uint64_t begin_ns,
                 uint64_t end_ns)
{
    double age = grouping->length_ns > begin_ns
                     ? (double)(grouping->length_ns - begin_ns) /
                           (double)grouping->length_ns
                     : 0;

    return (double)(end_ns - begin_ns) <=
           grouping->width_ns * (1 + (THIN_COARSER - 1) * age);
}

/* Where the group that entry i begins, or goes on with, ends: the last entry
 * of it.  Another program is another group. */
static size_t group_end(const struct recording *recording,
                        const struct grouping *grouping, size_t first,
                        uint64_t begin_ns)
{
    size_t last = first;

    for (size_t i = first + 1; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind == RECORDING_PROCESS)
            break;
        if (entry->kind != grouping->kind)
            continue;
        if (!fits(grouping, begin_ns, entry->time_ns))
            break;
        last = i;
    }
    return last;
}

static size_t groups_count(const struct recording *recording,
                           const struct grouping *grouping)
{
    uint64_t begin_ns = 0;
    size_t count = 0;

    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].kind != grouping->kind)
            continue;
        i = group_end(recording, grouping, i, begin_ns);
        begin_ns = recording->entries[i].time_ns;
        count++;
    }
    return count;
}

/* The narrowest width with which there are few enough groups. */
static void width_find(const struct recording *recording,
                       struct grouping *grouping, size_t most)
{
    enum { STEPS = 40 };
    double low = 0;
    double high = (double)grouping->length_ns + 1;

    for (int i = 0; i < STEPS; i++) {
        grouping->width_ns = (low + high) / 2;
        if (groups_count(recording, grouping) > most)
            low = grouping->width_ns;
        else
            high = grouping->width_ns;
    }
    grouping->width_ns = high;
}

static void group_merge(struct recording *recording, enum recording_kind kind,
                        size_t first, size_t last)
{
    struct recording_entry *end = &recording->entries[last];

    for (size_t i = last; i > first; i--) {
        struct recording_entry *entry = &recording->entries[i - 1];

        if (entry->kind == kind)
            merge(end, entry);
    }
}

/* Forgets those that have been merged into others. */
static void compact(struct recording *recording)
{
    size_t count = 0;

    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].any)
            recording->entries[count++] = recording->entries[i];
    }
    recording->count = count;
    /* Room doubles at powers of two: see array_grow. */
    size_t room = 1;

    while (room < count)
        room *= 2;
    void *entries =
        reallocarray(recording->entries, room, sizeof(*recording->entries));

    if (entries)
        recording->entries = entries;
}

static void processes_thin(struct recording *recording)
{
    size_t count = recording_count(recording, RECORDING_PROCESS);

    for (size_t i = 0; i < recording->count && count > THIN_PROCESSES_MAX;
         i++) {
        if (recording->entries[i].kind != RECORDING_PROCESS)
            continue;
        recording_entry_fini(&recording->entries[i]);
        count--;
    }
    compact(recording);
}

void thin(struct recording *recording, enum recording_kind kind, size_t most)
{
    struct grouping grouping = {.kind = kind,
                                .length_ns = recording_length_ns(recording)};
    uint64_t begin_ns = 0;

    processes_thin(recording);
    if (recording_count(recording, kind) <= most)
        return;
    width_find(recording, &grouping, most);
    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].kind != kind)
            continue;
        size_t last = group_end(recording, &grouping, i, begin_ns);

        group_merge(recording, kind, i, last);
        begin_ns = recording->entries[last].time_ns;
        i = last;
    }
    compact(recording);
}
