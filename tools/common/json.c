/* JSON for scripts: see json.h. */
#include "common/json.h"

#include <errno.h>
#include <stdio.h>

#include "common/bill.h"
#include "common/builder.h"
#include "common/gc.h"

/* ------------------------------------------------------------- fields */

static void add_totals(struct json_builder *builder,
                       const struct reader_totals *totals)
{
    json_add_number(builder, "allocated_total_bytes", totals->allocated_bytes);
    json_add_number(builder, "freed_total_bytes", totals->freed_bytes);
    json_add_number(builder, "allocated_total_blocks",
                    totals->allocated_blocks);
    json_add_number(builder, "freed_total_blocks", totals->freed_blocks);
}

/* -------------------------------------------------------------- arrays */

/* The index-th entry of one of the process's lists, as an object. */
typedef struct json_object *entry_maker(const struct reader_process *process,
                                        size_t index);

/* Of the entries from first to before end. */
static struct json_object *array_of_some(const struct reader_process *process,
                                         size_t first, size_t end,
                                         entry_maker *make)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = first; array && i < end; i++) {
        struct json_object *entry = make(process, i);

        if (!entry || json_object_array_add(array, entry) < 0) {
            json_object_put(entry);
            json_object_put(array);
            return NULL;
        }
    }
    return array;
}

static struct json_object *array_of(const struct reader_process *process,
                                    size_t count, entry_maker *make)
{
    return array_of_some(process, 0, count, make);
}

/* Of a thread that has not counted its pages nothing is known. */
static void add_census(struct json_builder *builder,
                       const struct reader_census *census)
{
    bool known = census->age_ms != READER_UNKNOWN;

    json_add_number(builder, "owned_bytes",
                    known ? census->used_bytes : READER_UNKNOWN);
    json_add_number(builder, "full_page_bytes",
                    known ? census->full_page_bytes : READER_UNKNOWN);
    json_add_number(builder, "pages", known ? census->pages : READER_UNKNOWN);
    json_add_number(builder, "full_pages",
                    known ? census->full_pages : READER_UNKNOWN);
    json_add_number(builder, "census_age_ms", census->age_ms);
}

static struct json_object *thread_object(const struct reader_process *process,
                                         size_t index)
{
    const struct reader_thread *thread = &process->threads[index];
    struct json_builder builder = {.object = json_object_new_object()};
    const char state[] = {thread->state, '\0'};

    if (!builder.object)
        return NULL;
    json_add_number(&builder, "tid", thread->tid);
    json_add_text(&builder, "name", thread->name);
    json_add_text(&builder, "state", state);
    add_totals(&builder, &thread->totals);
    add_census(&builder, &thread->census);
    return json_finish(&builder);
}

static struct json_object *class_object(const struct reader_process *process,
                                        size_t index)
{
    const struct reader_class *class = &process->classes[index];
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    json_add_number(&builder, "block_size", class->block_bytes);
    json_add_number(&builder, "pages", class->pages);
    json_add_number(&builder, "full_pages", class->full_pages);
    json_add_number(&builder, "empty_pages", class->empty_pages);
    json_add_number(&builder, "used_blocks", class->used_blocks);
    json_add_number(&builder, "capacity_blocks", class->capacity_blocks);
    json_add_number(&builder, "reserved_blocks", class->reserved_blocks);
    return json_finish(&builder);
}

static struct json_object *huge_object(const struct reader_process *process,
                                       size_t index)
{
    const struct reader_huge *huge = &process->huge[index];
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    json_add_number(&builder, "address", huge->address);
    json_add_number(&builder, "bytes", huge->bytes);
    json_add_number(&builder, "tid", huge->tid);
    json_add_number(&builder, "age_ms", huge->age_ms);
    json_add_number(&builder, "site",
                    huge->site != READER_SITE_NONE ? huge->site
                                                   : READER_UNKNOWN);
    return json_finish(&builder);
}

static struct json_object *point_object(const struct reader_process *process,
                                        size_t index)
{
    const struct reader_point *point = &process->history[index];
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    json_add_number(&builder, "time_ns", point->time_ns);
    json_add_number(&builder, "used_bytes", point->used_bytes);
    json_add_number(&builder, "used_peak_bytes", point->used_peak_bytes);
    json_add_number(&builder, "allocated_bytes", point->allocated_bytes);
    return json_finish(&builder);
}

static struct json_object *event_object(const struct reader_process *process,
                                        size_t index)
{
    const struct reader_gc_event *event = &process->gc.events[index];
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    json_add_number(&builder, "begin_ns", event->begin_ns);
    json_add_number(&builder, "age_ms", event->age_ms);
    json_add_number(&builder, "generation", event->generation);
    json_add_number(&builder, "pause_ns", event->pause_ns);
    json_add_number(&builder, "used_before", event->used_before);
    json_add_number(&builder, "used_after", event->used_after);
    json_add_number(&builder, "objects", event->objects);
    json_add_text(&builder, "asked_by", gc_asker(event));
    json_add_number(&builder, "tid", event->tid);
    return json_finish(&builder);
}

static struct json_object *
collections_object(const struct reader_process *process, size_t index)
{
    return json_object_new_uint64(process->gc.collections[index]);
}

/* ------------------------------------------------------------- objects */

static struct json_object *bill_object(const struct reader_process *process)
{
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    json_add_number(&builder, "owned_bytes", process->bill.owned_bytes);
    for (int part = BILL_IN_USE + 1; part < BILL_PARTS; part++)
        json_add_number(&builder, bill_entries[part].key,
                        bill_bytes(process, (enum bill_part)part));
    json_add_number(&builder, "age_ms", process->bill.age_ms);
    json_add_number(&builder, "changed_bytes", process->bill.changed_bytes);
    json_add_number(&builder, "uncounted_threads",
                    process->bill.uncounted_threads);
    json_add_number(&builder, "uncollected_bytes",
                    process->bill.uncollected_bytes);
    return json_finish(&builder);
}

static struct json_object *
mappings_object(const struct reader_mappings *mappings)
{
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    for (int part = 0; part < MAPPING_PARTS; part++)
        json_add_number(&builder, mapping_entries[part].key,
                        mapping_bytes(mappings, (enum mapping_part)part));
    json_add_number(&builder, "outside_bytes", mappings->outside_bytes);
    return json_finish(&builder);
}

static struct json_object *
baseline_object(const struct reader_baseline *baseline)
{
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    json_add_number(&builder, "age_ms", baseline->age_ms);
    json_add_number(&builder, "used_bytes", baseline->used_bytes);
    json_add_number(&builder, "allocated_bytes", baseline->allocated_bytes);
    json_add_number(&builder, "resident_bytes", baseline->resident_bytes);
    json_add_number(&builder, "allocated_total_bytes",
                    baseline->allocated_total_bytes);
    json_add_number(&builder, "freed_total_bytes", baseline->freed_total_bytes);
    return json_finish(&builder);
}

static struct json_object *gc_object(const struct reader_process *process,
                                     bool with_past)
{
    const struct reader_gc *gc = &process->gc;
    struct json_builder builder = {.object = json_object_new_object()};
    size_t first = !with_past && gc->event_count > JSON_GC_EVENTS
                       ? gc->event_count - JSON_GC_EVENTS
                       : 0;

    if (!builder.object)
        return NULL;
    json_add_optional_text(&builder, "runtime", gc->runtime);
    json_add_optional_text(&builder, "mode", reader_gc_mode_name(gc->mode));
    json_add_made(&builder, "is_blind", json_object_new_boolean(gc->is_blind));
    json_add_made(&builder, "collections",
                  array_of(process, READER_GC_GENERATIONS, collections_object));
    json_add_number(&builder, "objects_collected", gc->objects_collected);
    json_add_number(&builder, "pause_ns_last", gc->pause_ns_last);
    json_add_number(&builder, "pause_ns_max", gc->pause_ns_max);
    json_add_number(&builder, "pause_ns_total", gc->pause_ns_total);
    json_add_number(&builder, "used_before_last", gc->used_before_last);
    json_add_number(&builder, "used_after_last", gc->used_after_last);
    json_add_number(&builder, "freed_bytes_total", gc->freed_total_bytes);
    json_add_number(&builder, "baseline_bytes", gc->baseline_bytes);
    json_add_number(&builder, "goal_bytes", gc->goal_bytes);
    json_add_number(&builder, "requested", gc->asked);
    json_add_made(&builder, "events",
                  array_of_some(process, first, gc->event_count, event_object));
    return json_finish(&builder);
}

/* ----------------------------------------------------------- processes */

static void add_identity(struct json_builder *builder,
                         const struct reader_process *process)
{
    json_add_number(builder, "pid", process->pid);
    json_add_number(builder, "namespace_pid",
                    process->pid_namespace != 0 ? process->namespace_pid
                                                : READER_UNKNOWN);
    json_add_number(builder, "parent_pid", process->parent_pid);
    json_add_number(builder, "ancestor_pid",
                    process->ancestor_pid ? process->ancestor_pid
                                          : READER_UNKNOWN);
    json_add_text(builder, "comm", process->comm);
    json_add_text(builder, "state",
                  process->state == READER_LIVE ? "live" : "dead");
    json_add_number(builder, "uid", process->uid);
    json_add_text(builder, "segment", process->segment);
    json_add_text(builder, "mode", "count");
}

static void add_figures(struct json_builder *builder,
                        const struct reader_process *process)
{
    const struct reader_bill *bill = &process->bill;

    json_add_number(builder, "used_bytes", process->used_bytes);
    json_add_number(builder, "used_peak_bytes", process->used_peak_bytes);
    json_add_number(builder, "allocated_bytes", process->allocated_bytes);
    json_add_number(builder, "allocated_peak_bytes",
                    process->allocated_peak_bytes);
    json_add_number(builder, "resident_bytes", process->resident_bytes);
    json_add_number(builder, "rss_bytes", process->rss_bytes);
    json_add_number(builder, "cached_bytes", bill->cached_bytes);
    json_add_number(builder, "full_page_bytes", process->full_page_bytes);
    json_add_number(builder, "huge_bytes", process->huge_bytes);
    json_add_number(builder, "huge_blocks", process->huge_blocks);
    json_add_number(builder, "huge_unlisted", process->huge_unlisted);
    json_add_number(builder, "fragmented_bytes", bill->fragmented_bytes);
    json_add_number(builder, "unreturned_bytes", bill->unreturned_bytes);
    json_add_number(builder, "orphaned_bytes", bill->orphaned_bytes);
    json_add_number(builder, "overhead_bytes", bill->overhead_bytes);
    json_add_number(builder, "outside_bytes", process->mappings.outside_bytes);
    json_add_number(builder, "dropped", process->dropped);
    json_add_number(builder, "age_ms", process->age_ms);
    add_totals(builder, &process->totals);
}

/* What was found out, and the three that it was found out from. */
static void add_verdict(struct json_builder *builder,
                        const struct reader_process *process)
{
    const char *verdict = reader_verdict_name(process->verdict);
    const struct reader_mappings *mappings = &process->mappings;
    const struct reader_baseline *baseline = &process->baseline;

    json_add_optional_text(builder, "verdict", verdict);
    json_add_optional_text(builder, "evidence", process->evidence);
    json_add_made(builder, "bill", bill_object(process));
    if (mappings_are_known(mappings))
        json_add_made(builder, "mappings", mappings_object(mappings));
    else
        json_add(builder, "mappings", NULL);
    if (baseline->age_ms != READER_UNKNOWN)
        json_add_made(builder, "baseline", baseline_object(baseline));
    else
        json_add(builder, "baseline", NULL);
}

static struct json_object *process_object(const struct reader_process *process,
                                          bool with_past)
{
    struct json_builder builder = {.object = json_object_new_object()};

    if (!builder.object)
        return NULL;
    add_identity(&builder, process);
    add_figures(&builder, process);
    add_verdict(&builder, process);
    json_add_made(&builder, "threads",
                  array_of(process, process->thread_count, thread_object));
    json_add_made(&builder, "size_classes",
                  array_of(process, process->class_count, class_object));
    json_add_made(&builder, "huge",
                  array_of(process, process->huge_count, huge_object));
    if (process->gc.is_there)
        json_add_made(&builder, "gc", gc_object(process, with_past));
    else
        json_add(&builder, "gc", NULL);
    if (with_past)
        json_add_made(&builder, "history",
                      array_of(process, process->history_count, point_object));
    return json_finish(&builder);
}

/* ----------------------------------------------------------- document */

struct json_object *json_document(void)
{
    struct json_builder builder = {.object = json_object_new_object()};
    struct json_object *processes = json_object_new_array();

    if (!builder.object || !processes) {
        json_object_put(builder.object);
        json_object_put(processes);
        return NULL;
    }
    json_add_number(&builder, "schema_version", JSON_SCHEMA_VERSION);
    json_add(&builder, "processes", processes);
    return json_finish(&builder);
}

int json_document_add(struct json_object *document,
                      const struct reader_process *process, bool with_past)
{
    struct json_object *processes =
        json_object_object_get(document, "processes");
    struct json_object *added = process_object(process, with_past);

    if (!added)
        return -ENOMEM;
    if (json_object_array_add(processes, added) < 0) {
        json_object_put(added);
        return -ENOMEM;
    }
    return 0;
}

int json_document_print(struct json_object *document, bool pretty)
{
    int flags = JSON_C_TO_STRING_NOSLASHESCAPE |
                (pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                        : JSON_C_TO_STRING_PLAIN);
    const char *text = json_object_to_json_string_ext(document, flags);

    if (!text)
        return -ENOMEM;
    if (puts(text) == EOF || fflush(stdout) == EOF)
        return -errno;
    return 0;
}
