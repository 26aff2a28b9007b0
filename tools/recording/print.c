/* Lines of a recording, written: see recording.h. */
#include "recording/recording.h"

#include <inttypes.h>

#include "common/gc.h"

/* Between the names and values of one object. */
static void begin(FILE *out, const char *kind, uint64_t time_ns)
{
    (void)fprintf(out, "{\"kind\":\"%s\",\"time_s\":%" PRIu64 ".%06" PRIu64,
                  kind, time_ns / RECORDING_NS_PER_S,
                  time_ns % RECORDING_NS_PER_S / 1000);
}

static void number(FILE *out, const char *name, uint64_t value)
{
    if (value == READER_UNKNOWN)
        (void)fprintf(out, ",\"%s\":null", name);
    else
        (void)fprintf(out, ",\"%s\":%" PRIu64, name, value);
}

/* All texts are of valid UTF-8 and free of control characters. */
static void text(FILE *out, const char *name, const char *value)
{
    if (!value || *value == '\0') {
        (void)fprintf(out, ",\"%s\":null", name);
        return;
    }
    (void)fprintf(out, ",\"%s\":\"", name);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            (void)fputc('\\', out);
        (void)fputc(*value, out);
    }
    (void)fputc('"', out);
}

static void finish(FILE *out)
{
    (void)fputs("}\n", out);
}

void recording_head_print(FILE *out, const struct recording *recording)
{
    begin(out, "recording", 0);
    number(out, "format_version", RECORDING_FORMAT_VERSION);
    text(out, "gcshim_version", GCSHIM_VERSION);
    number(out, "began_unix_ns", recording->began_unix_ns);
    number(out, "began_ns", recording->began_ns);
    number(out, "interval_ns", recording->interval_ns);
    finish(out);
}

static void process_print(FILE *out, const struct recording_process *process)
{
    number(out, "pid", process->pid);
    text(out, "comm", process->comm);
    text(out, "command", process->command);
}

static void sample_print(FILE *out, const struct recording_sample *sample)
{
    text(out, "state", sample->is_dead ? "dead" : "live");
    number(out, "samples", sample->samples);
    for (size_t i = 0; i < figure_count; i++) {
        number(out, figures[i].name, sample->figures[i]);
        if (i >= FIGURE_RANGES)
            continue;
        number(out, figure_least_names[i], sample->least[i]);
        number(out, figure_most_names[i], sample->most[i]);
    }
    text(out, "verdict", reader_verdict_name(sample->verdict));
    text(out, "evidence", sample->evidence);
}

static void classes_print(FILE *out, const struct recording_classes *classes)
{
    (void)fputs(",\"size_classes\":[", out);
    for (size_t i = 0; i < classes->count; i++) {
        const struct reader_class *class = &classes->classes[i];

        (void)fprintf(out, "%s{\"block_size\":%" PRIu64, i > 0 ? "," : "",
                      class->block_bytes);
        number(out, "pages", class->pages);
        number(out, "full_pages", class->full_pages);
        number(out, "empty_pages", class->empty_pages);
        number(out, "used_blocks", class->used_blocks);
        number(out, "capacity_blocks", class->capacity_blocks);
        number(out, "reserved_blocks", class->reserved_blocks);
        (void)fputc('}', out);
    }
    (void)fputc(']', out);
}

static void gc_print(FILE *out, const struct recording_gc *gc)
{
    text(out, "runtime", gc->runtime);
    number(out, "begin_ns", gc->event.begin_ns);
    number(out, "generation", gc->event.generation);
    number(out, "pause_ns", gc->event.pause_ns);
    number(out, "used_before", gc->event.used_before);
    number(out, "used_after", gc->event.used_after);
    number(out, "objects", gc->event.objects);
    text(out, "asked_by", gc_asker(&gc->event));
    number(out, "tid", gc->event.tid);
    number(out, "collections", gc->collections);
    number(out, "freed_bytes_sum", gc->freed_bytes_sum);
    number(out, "pause_ns_sum", gc->pause_ns_sum);
}

void recording_entry_print(FILE *out, const struct recording_entry *entry)
{
    static const char *const names[RECORDING_KINDS] = {
        "process", "sample", "classes", "gc", "gap", "end"};

    begin(out, names[entry->kind], entry->time_ns);
    switch (entry->kind) {
    case RECORDING_PROCESS:
        process_print(out, entry->process);
        break;
    case RECORDING_SAMPLE:
        sample_print(out, entry->sample);
        break;
    case RECORDING_CLASSES:
        classes_print(out, entry->classes);
        break;
    case RECORDING_GC:
        gc_print(out, entry->gc);
        break;
    case RECORDING_GAP:
        number(out, "collections", entry->gap->collections);
        break;
    case RECORDING_END:
        text(out, "reason", entry->end->reason);
        number(out, "status", entry->end->status);
        break;
    default:
        break;
    }
    finish(out);
}
