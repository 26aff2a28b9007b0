/* JSON for scripts: see json.h. */
#include "common/json.h"

#include <errno.h>
#include <stdio.h>

/* Building goes on after memory ran short, and this remembers that it did. */
struct builder {
    struct json_object *object;
    bool failed;
};

/* ------------------------------------------------------------- fields */

static void add(struct builder *builder, const char *name,
                struct json_object *value)
{
    /* NULL is JSON's null here; json_object_object_add takes value over
     * only where it succeeds. */
    if (json_object_object_add(builder->object, name, value) < 0) {
        json_object_put(value);
        builder->failed = true;
    }
}

static void add_number(struct builder *builder, const char *name,
                       uint64_t value)
{
    struct json_object *number =
        value == READER_UNKNOWN ? NULL : json_object_new_uint64(value);

    builder->failed |= value != READER_UNKNOWN && !number;
    add(builder, name, number);
}

static void add_text(struct builder *builder, const char *name,
                     const char *value)
{
    struct json_object *text = json_object_new_string(value);

    builder->failed |= !text;
    add(builder, name, text);
}

static void add_nulls(struct builder *builder, const char *const *names)
{
    for (; *names; names++)
        add(builder, *names, NULL);
}

static void add_totals(struct builder *builder,
                       const struct reader_totals *totals)
{
    add_number(builder, "allocated_total_bytes", totals->allocated_bytes);
    add_number(builder, "freed_total_bytes", totals->freed_bytes);
    add_number(builder, "allocated_total_blocks", totals->allocated_blocks);
    add_number(builder, "freed_total_blocks", totals->freed_blocks);
}

/* Ends the building: the object, or NULL if any part of it is missing. */
static struct json_object *finish(struct builder *builder)
{
    if (!builder->failed)
        return builder->object;
    json_object_put(builder->object);
    return NULL;
}

/* ------------------------------------------------------------- threads */

static struct json_object *thread_object(const struct reader_thread *thread)
{
    static const char *const unknown[] = {"owned_bytes",   "full_page_bytes",
                                          "pages",         "full_pages",
                                          "census_age_ms", NULL};
    struct builder builder = {.object = json_object_new_object()};
    const char state[] = {thread->state, '\0'};

    if (!builder.object)
        return NULL;
    add_number(&builder, "tid", thread->tid);
    add_text(&builder, "name", thread->name);
    add_text(&builder, "state", state);
    add_totals(&builder, &thread->totals);
    add_nulls(&builder, unknown);
    return finish(&builder);
}

static struct json_object *thread_array(const struct reader_process *process)
{
    struct json_object *array = json_object_new_array();

    for (size_t i = 0; array && i < process->thread_count; i++) {
        struct json_object *thread = thread_object(&process->threads[i]);

        if (!thread || json_object_array_add(array, thread) < 0) {
            json_object_put(thread);
            json_object_put(array);
            return NULL;
        }
    }
    return array;
}

/* ----------------------------------------------------------- processes */

static void add_identity(struct builder *builder,
                         const struct reader_process *process)
{
    add_number(builder, "pid", process->pid);
    add_number(builder, "namespace_pid",
               process->pid_namespace != 0 ? process->namespace_pid
                                           : READER_UNKNOWN);
    add_number(builder, "parent_pid", process->parent_pid);
    add_text(builder, "comm", process->comm);
    add_text(builder, "state", process->state == READER_LIVE ? "live" : "dead");
    add_number(builder, "uid", process->uid);
    add_text(builder, "segment", process->segment);
    add_text(builder, "mode", "count");
}

static void add_figures(struct builder *builder,
                        const struct reader_process *process)
{
    static const char *const unknown[] = {
        "cached_bytes",   "full_page_bytes",  "huge_bytes",
        "huge_blocks",    "fragmented_bytes", "unreturned_bytes",
        "orphaned_bytes", "outside_bytes",    NULL};

    add_number(builder, "used_bytes", process->used_bytes);
    add_number(builder, "used_peak_bytes", process->used_peak_bytes);
    add_number(builder, "allocated_bytes", process->allocated_bytes);
    add_number(builder, "allocated_peak_bytes", process->allocated_peak_bytes);
    add_number(builder, "resident_bytes", process->resident_bytes);
    add_number(builder, "rss_bytes", process->rss_bytes);
    add_nulls(builder, unknown);
    add_number(builder, "dropped", process->dropped);
    add_number(builder, "age_ms", process->age_ms);
    add_totals(builder, &process->totals);
}

static struct json_object *process_object(const struct reader_process *process)
{
    static const char *const not_yet[] = {"size_classes", "huge", "gc", NULL};
    static const char *const no_verdict[] = {"verdict", "evidence", NULL};
    struct builder builder = {.object = json_object_new_object()};
    struct json_object *threads = thread_array(process);

    if (!builder.object || !threads) {
        json_object_put(builder.object);
        json_object_put(threads);
        return NULL;
    }
    add_identity(&builder, process);
    add_figures(&builder, process);
    add_nulls(&builder, no_verdict);
    add(&builder, "threads", threads);
    add_nulls(&builder, not_yet);
    return finish(&builder);
}

/* ----------------------------------------------------------- document */

struct json_object *json_document(void)
{
    struct builder builder = {.object = json_object_new_object()};
    struct json_object *processes = json_object_new_array();

    if (!builder.object || !processes) {
        json_object_put(builder.object);
        json_object_put(processes);
        return NULL;
    }
    add_number(&builder, "schema_version", JSON_SCHEMA_VERSION);
    add(&builder, "processes", processes);
    return finish(&builder);
}

int json_document_add(struct json_object *document,
                      const struct reader_process *process)
{
    struct json_object *processes =
        json_object_object_get(document, "processes");
    struct json_object *added = process_object(process);

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
