/* One process's figures, taken again and again: see sampler.h. */
#include "record/sampler.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/gc.h"
#include "reader/proc.h"

struct sampler sampler_make(struct store *store, uint32_t pid,
                            uint64_t began_ns, uint64_t interval_ns)
{
    return (struct sampler){.store = store,
                            .pid = pid,
                            .began_ns = began_ns,
                            .interval_ns = interval_ns,
                            .time_ns = began_ns,
                            .event_ns = began_ns,
                            .used_bytes = READER_UNKNOWN,
                            .allocated_bytes = READER_UNKNOWN,
                            .resident_bytes = READER_UNKNOWN};
}

void sampler_fini(struct sampler *sampler)
{
    reader_hold_close(sampler->hold);
    sampler->hold = NULL;
}

static uint64_t since_begin(const struct sampler *sampler, uint64_t now_ns)
{
    return now_ns > sampler->began_ns ? now_ns - sampler->began_ns : 0;
}

/* --------------------------------------------------------------- programs */

/* What was recorded of another program says nothing of this one. */
static int program_begin(struct sampler *sampler,
                         const struct reader_process *process)
{
    struct recording_entry entry;
    int err = recording_entry_make(&entry, RECORDING_PROCESS,
                                   since_begin(sampler, proc_now_ns()), 0);
    bool is_new = sampler->is_from_start || sampler->created_ns != 0;

    if (err)
        return err;
    entry.process->pid = sampler->pid;
    memcpy(entry.process->comm, process->comm, sizeof(process->comm));
    memcpy(entry.process->command, process->command, sizeof(process->command));
    sampler->created_ns = process->created_ns;
    sampler->used_peak_bytes = is_new ? 0 : process->used_peak_bytes;
    sampler->allocated_peak_bytes = is_new ? 0 : process->allocated_peak_bytes;
    sampler->collections = is_new ? 0 : READER_UNKNOWN;
    sampler->classes_ns = 0;
    sampler->explained_ns = 0;
    return store_add(sampler->store, entry);
}

/* ---------------------------------------------------------------- samples */

static void extend(struct recording_sample *sample, enum figure_id id,
                   uint64_t bytes)
{
    if (bytes == READER_UNKNOWN)
        return;
    if (bytes < sample->least[id])
        sample->least[id] = bytes;
    if (sample->most[id] == READER_UNKNOWN || bytes > sample->most[id])
        sample->most[id] = bytes;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The most that is recorded as used since then, or shortly before. */
static uint64_t used_most_since(const struct sampler *sampler,
                                uint64_t since_ns)
{
    const struct recording *recording = &sampler->store->recording;
    uint64_t most = 0;

    for (size_t i = recording->count; i > 0; i--) {
        const struct recording_entry *entry = &recording->entries[i - 1];

        if (entry->kind == RECORDING_PROCESS)
            break;
        if (entry->kind != RECORDING_SAMPLE)
            continue;
        most = larger(most, entry->sample->most[FIGURE_USED]);
        if (sampler->began_ns + entry->time_ns < since_ns)
            break;
    }
    return most;
}

/* A point's peak is since the point before it.  Where that was before the last
 * sample, the peak may have been too: it is news only if it is clearly more
 * than what is recorded of that time. */
static bool is_news(const struct sampler *sampler,
                    const struct reader_point *point, uint64_t since_ns)
{
    uint64_t known = 0;

    if (since_ns >= sampler->time_ns)
        return true;
    known = used_most_since(sampler, since_ns);
    return point->used_peak_bytes > known + known / SAMPLER_NEWS_SHARE;
}

static void point_extend(const struct sampler *sampler,
                         struct recording_sample *sample,
                         const struct reader_point *point, uint64_t since_ns)
{
    if (point->time_ns <= sampler->time_ns)
        return;
    extend(sample, FIGURE_USED, point->used_bytes);
    extend(sample, FIGURE_ALLOCATED, point->allocated_bytes);
    if (is_news(sampler, point, since_ns))
        extend(sample, FIGURE_USED, point->used_peak_bytes);
}

/* The process has noted what lay between: its history, and its peaks where
 * they have risen. */
static void ranges_set(struct sampler *sampler,
                       const struct reader_process *process,
                       struct recording_sample *sample)
{
    for (size_t i = 0; i < FIGURE_RANGES; i++)
        sample->least[i] = sample->most[i] = sample->figures[i];
    for (size_t i = 0; i < process->history_count; i++)
        point_extend(sampler, sample, &process->history[i],
                     i > 0 ? process->history[i - 1].time_ns : 0);
    if (process->used_peak_bytes > sampler->used_peak_bytes)
        extend(sample, FIGURE_USED, process->used_peak_bytes);
    if (process->allocated_peak_bytes > sampler->allocated_peak_bytes)
        extend(sample, FIGURE_ALLOCATED, process->allocated_peak_bytes);
    sampler->used_peak_bytes = process->used_peak_bytes;
    sampler->allocated_peak_bytes = process->allocated_peak_bytes;
}

static bool is_explain_due(const struct sampler *sampler, uint64_t now_ns)
{
    return now_ns - sampler->explained_ns >=
           sampler->explain_cost_ns * SAMPLER_COST_FACTOR;
}

/* Whether the verdict is one that the mappings have gone into, or that could
 * not be a better one. */
static bool explain(struct sampler *sampler, struct reader_process *process)
{
    uint64_t now_ns = proc_now_ns();

    if (process->state == READER_DEAD)
        return true;
    if (!is_explain_due(sampler, now_ns))
        return false;
    (void)reader_process_explain(process);
    sampler->explained_ns = now_ns;
    sampler->explain_cost_ns = proc_now_ns() - now_ns;
    return true;
}

static void watch(struct sampler *sampler,
                  const struct recording_sample *sample)
{
    sampler->samples++;
    sampler->used_bytes = sample->figures[FIGURE_USED];
    sampler->allocated_bytes = sample->figures[FIGURE_ALLOCATED];
    sampler->resident_bytes = sample->figures[FIGURE_RESIDENT];
    sampler->used_most_bytes =
        larger(sampler->used_most_bytes, sample->most[FIGURE_USED]);
    sampler->allocated_most_bytes =
        larger(sampler->allocated_most_bytes, sample->most[FIGURE_ALLOCATED]);
}

static int sample_add(struct sampler *sampler, struct reader_process *process,
                      uint64_t now_ns)
{
    struct recording_entry entry;
    int err = recording_entry_make(&entry, RECORDING_SAMPLE,
                                   since_begin(sampler, now_ns), 0);

    if (err)
        return err;
    if (explain(sampler, process)) {
        entry.sample->verdict = process->verdict;
        if (process->evidence[0] != '\0')
            entry.sample->evidence = strdup(process->evidence);
    }
    entry.sample->samples = 1;
    entry.sample->is_dead = process->state == READER_DEAD;
    for (size_t i = 0; i < figure_count; i++)
        entry.sample->figures[i] = figure_of(process, i);
    ranges_set(sampler, process, entry.sample);
    watch(sampler, entry.sample);
    return store_add(sampler->store, entry);
}

/* ------------------------------------------------------------ collections */

static int event_add(struct sampler *sampler,
                     const struct reader_process *process,
                     const struct reader_gc_event *event)
{
    struct recording_entry entry;
    int err = recording_entry_make(&entry, RECORDING_GC,
                                   since_begin(sampler, event->begin_ns), 0);

    if (err)
        return err;
    entry.gc->event = *event;
    memcpy(entry.gc->runtime, process->gc.runtime, sizeof(entry.gc->runtime));
    entry.gc->collections = 1;
    entry.gc->freed_bytes_sum = gc_freed(event);
    entry.gc->pause_ns_sum = event->pause_ns;
    sampler->event_ns = event->begin_ns;
    sampler->events++;
    return store_add(sampler->store, entry);
}

/* Where the oldest event that is left is new, those before it are gone. */
static int gap_add(struct sampler *sampler, const struct reader_gc *gc,
                   size_t fresh, uint64_t now_ns)
{
    uint64_t now = gc_collections(gc);
    uint64_t known = sampler->collections + fresh;
    bool is_gap = sampler->collections != READER_UNKNOWN &&
                  fresh == READER_GC_EVENTS_MAX && now != READER_UNKNOWN &&
                  now > known;

    sampler->collections = now;
    if (!is_gap)
        return 0;
    struct recording_entry entry;
    int err = recording_entry_make(&entry, RECORDING_GAP,
                                   since_begin(sampler, now_ns), 0);

    if (err)
        return err;
    entry.gap->collections = now - known;
    return store_add(sampler->store, entry);
}

static int events_add(struct sampler *sampler,
                      const struct reader_process *process, uint64_t now_ns)
{
    const struct reader_gc *gc = &process->gc;
    size_t first = gc->event_count;

    if (!gc->is_there)
        return 0;
    while (first > 0 && gc->events[first - 1].begin_ns > sampler->event_ns)
        first--;
    int err = gap_add(sampler, gc, gc->event_count - first, now_ns);

    for (size_t i = first; i < gc->event_count && err == 0; i++) {
        if (gc->events[i].begin_ns > sampler->event_ns)
            err = event_add(sampler, process, &gc->events[i]);
    }
    return err;
}

/* ---------------------------------------------------------------- classes */

static bool are_classes_due(const struct sampler *sampler,
                            const struct reader_process *process,
                            uint64_t now_ns)
{
    uint64_t every_ns = sampler->interval_ns * SAMPLER_CLASSES_EVERY;

    if (every_ns < RECORDING_NS_PER_S)
        every_ns = RECORDING_NS_PER_S;
    return process->class_count > 0 &&
           process->class_count <= RECORDING_CLASSES_MAX &&
           (process->state == READER_DEAD ||
            now_ns - sampler->classes_ns >= every_ns);
}

static int classes_add(struct sampler *sampler,
                       const struct reader_process *process, uint64_t now_ns)
{
    size_t bytes = process->class_count * sizeof(*process->classes);

    if (!are_classes_due(sampler, process, now_ns))
        return 0;
    struct recording_entry entry;
    int err = recording_entry_make(&entry, RECORDING_CLASSES,
                                   since_begin(sampler, now_ns),
                                   process->class_count);

    if (err)
        return err;
    entry.classes->count = process->class_count;
    memcpy(entry.classes->classes, process->classes, bytes);
    sampler->classes_ns = now_ns;
    return store_add(sampler->store, entry);
}

/* ------------------------------------------------------------------- take */

int sampler_add(struct sampler *sampler, struct reader_process *process)
{
    uint64_t now_ns = proc_now_ns();
    int err = events_add(sampler, process, now_ns);

    if (err == 0)
        err = classes_add(sampler, process, now_ns);
    if (err == 0)
        err = sample_add(sampler, process, now_ns);
    sampler->time_ns = now_ns;
    return err;
}

/* Nothing is there where the process has not begun, has ended, or runs a
 * program without the shim. */
static int program_find(struct sampler *sampler)
{
    struct reader_process process;
    int err = 0;

    if (reader_process_find(&process, NULL, sampler->pid) < 0)
        return 0;
    if (process.state == READER_LIVE &&
        reader_hold_open(&sampler->hold, &process) == 0) {
        if (process.created_ns != sampler->created_ns)
            err = program_begin(sampler, &process);
        if (err == 0)
            err = sampler_add(sampler, &process);
    }
    reader_process_fini(&process);
    return err;
}

int sampler_take(struct sampler *sampler)
{
    struct reader_process process;
    int err = 0;

    if (sampler->hold) {
        bool is_live = false;

        if (reader_hold_read(sampler->hold, &process) == 0) {
            is_live = process.state == READER_LIVE;
            err = sampler_add(sampler, &process);
            reader_process_fini(&process);
        }
        if (is_live || err)
            return err;
        sampler_fini(sampler);
    }
    return program_find(sampler);
}

int sampler_add_left(struct sampler *sampler, struct reader_process *process)
{
    if (process->created_ns == sampler->created_ns)
        return 0;
    int err = program_begin(sampler, process);

    return err ? err : sampler_add(sampler, process);
}

int sampler_finish(struct sampler *sampler, const char *reason, uint64_t status)
{
    struct recording_entry entry;
    int err = recording_entry_make(&entry, RECORDING_END,
                                   since_begin(sampler, proc_now_ns()), 0);

    if (err)
        return err;
    (void)snprintf(entry.end->reason, sizeof(entry.end->reason), "%s", reason);
    entry.end->status = status;
    return store_add(sampler->store, entry);
}
