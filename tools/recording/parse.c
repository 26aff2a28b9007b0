/* Lines of a recording, read back: see recording.h.  Anybody may have written
 * them: every value is checked, and what is not understood is refused. */
#include "recording/recording.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "reader/refuse.h"
#include "reader/text.h"

enum { DEPTH_MAX = 8, SECONDS_MAX = 1000000000 };

/* One object, and what was first found wrong with it. */
struct fields {
    struct json_object *object;
    char *reason;
    int err;
};

static bool is_sound(const struct fields *fields)
{
    return fields->err == 0;
}

static void complain(struct fields *fields, const char *name, const char *what)
{
    if (is_sound(fields))
        fields->err = refuse(fields->reason, "%s is %s", name, what);
}

/* A whole number, or UNKNOWN for null and for what is not there. */
static uint64_t number(struct fields *fields, const char *name)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(fields->object, name, &value) || !value)
        return READER_UNKNOWN;
    if (!json_object_is_type(value, json_type_int) ||
        (json_object_get_int64(value) < 0)) {
        complain(fields, name, "no whole number");
        return READER_UNKNOWN;
    }
    return json_object_get_uint64(value);
}

static uint64_t known_number(struct fields *fields, const char *name,
                             uint64_t most)
{
    uint64_t value = number(fields, name);

    if (value > most) {
        complain(fields, name,
                 value == READER_UNKNOWN ? "missing" : "too large");
        return 0;
    }
    return value;
}

/* "" where it is null or not there. */
static const char *text(struct fields *fields, const char *name)
{
    struct json_object *value = NULL;

    if (!json_object_object_get_ex(fields->object, name, &value) || !value)
        return "";
    if (!json_object_is_type(value, json_type_string)) {
        complain(fields, name, "no text");
        return "";
    }
    return json_object_get_string(value);
}

static void text_get(struct fields *fields, const char *name, char *ret_text,
                     size_t size)
{
    const char *found = text(fields, name);

    text_copy(ret_text, size, found, strlen(found));
}

static uint64_t time_of(struct fields *fields)
{
    struct json_object *value = NULL;
    double seconds = -1;

    (void)json_object_object_get_ex(fields->object, "time_s", &value);
    if (json_object_is_type(value, json_type_double) ||
        json_object_is_type(value, json_type_int))
        seconds = json_object_get_double(value);
    if (!(seconds >= 0 && seconds <= SECONDS_MAX)) {
        complain(fields, "time_s", "no time");
        return 0;
    }
    return (uint64_t)llround(seconds * 1e6) * 1000;
}

/* ---------------------------------------------------------------- kinds */

static void process_parse(struct fields *fields, void *into)
{
    struct recording_process *process = into;

    process->pid = (uint32_t)known_number(fields, "pid", INT32_MAX);
    text_get(fields, "comm", process->comm, sizeof(process->comm));
    text_get(fields, "command", process->command, sizeof(process->command));
}

static void verdict_parse(struct fields *fields,
                          struct recording_sample *sample)
{
    const char *found = text(fields, "verdict");

    for (int i = READER_VERDICT_UNKNOWN + 1; i <= READER_VERDICT_OUTSIDE; i++) {
        if (strcmp(found, reader_verdict_name((enum reader_verdict)i)) == 0)
            sample->verdict = (enum reader_verdict)i;
    }
}

static void evidence_parse(struct fields *fields,
                           struct recording_sample *sample)
{
    char evidence[READER_EVIDENCE_BYTES];

    text_get(fields, "evidence", evidence, sizeof(evidence));
    if (*evidence == '\0')
        return;
    sample->evidence = strdup(evidence);
    if (!sample->evidence && is_sound(fields))
        fields->err = -ENOMEM;
}

/* Used and allocated are known of every process. */
static void sample_parse(struct fields *fields, void *into)
{
    struct recording_sample *sample = into;

    for (size_t i = 0; i < figure_count; i++)
        sample->figures[i] = number(fields, figures[i].name);
    (void)known_number(fields, figures[FIGURE_USED].name, READER_UNKNOWN - 1);
    (void)known_number(fields, figures[FIGURE_ALLOCATED].name,
                       READER_UNKNOWN - 1);
    for (size_t i = 0; i < FIGURE_RANGES; i++) {
        sample->least[i] = number(fields, figure_least_names[i]);
        sample->most[i] = number(fields, figure_most_names[i]);
        if (sample->least[i] == READER_UNKNOWN)
            sample->least[i] = sample->figures[i];
        if (sample->most[i] == READER_UNKNOWN)
            sample->most[i] = sample->figures[i];
    }
    sample->samples = number(fields, "samples");
    if (sample->samples == READER_UNKNOWN)
        sample->samples = 1;
    sample->is_dead = strcmp(text(fields, "state"), "dead") == 0;
    verdict_parse(fields, sample);
    evidence_parse(fields, sample);
}

static uint64_t of_class(struct fields *fields, const char *name)
{
    return known_number(fields, name, (uint64_t)1 << 47);
}

static void class_parse(struct fields *fields, struct reader_class *class)
{
    class->block_bytes = of_class(fields, "block_size");
    class->pages = of_class(fields, "pages");
    class->full_pages = of_class(fields, "full_pages");
    class->empty_pages = of_class(fields, "empty_pages");
    class->used_blocks = of_class(fields, "used_blocks");
    class->capacity_blocks = of_class(fields, "capacity_blocks");
    class->reserved_blocks = of_class(fields, "reserved_blocks");
}

static void classes_parse(struct fields *fields, void *into)
{
    struct recording_classes *classes = into;
    struct json_object *list =
        json_object_object_get(fields->object, "size_classes");
    size_t count = json_object_array_length(list);

    for (size_t i = 0; i < count && is_sound(fields); i++) {
        struct fields entry = *fields;

        entry.object = json_object_array_get_idx(list, i);
        if (!json_object_is_type(entry.object, json_type_object)) {
            complain(fields, "size_classes", "no list of objects");
            return;
        }
        class_parse(&entry, &classes->classes[classes->count++]);
        fields->err = entry.err;
    }
}

static void gc_parse(struct fields *fields, void *into)
{
    struct recording_gc *gc = into;
    const char *asker = text(fields, "asked_by");

    gc->event = (struct reader_gc_event){
        .begin_ns = known_number(fields, "begin_ns", READER_UNKNOWN - 1),
        .pause_ns = known_number(fields, "pause_ns", READER_UNKNOWN - 1),
        .used_before = known_number(fields, "used_before", READER_UNKNOWN - 1),
        .used_after = known_number(fields, "used_after", READER_UNKNOWN - 1),
        .objects = number(fields, "objects"),
        .generation = (uint32_t)known_number(fields, "generation",
                                             READER_GC_GENERATIONS - 1),
        .tid = (uint32_t)known_number(fields, "tid", INT32_MAX),
    };
    if (strcmp(asker, "request") == 0)
        gc->event.asked_by = READER_GC_BY_REQUEST;
    else if (strcmp(asker, "limit") == 0)
        gc->event.asked_by = READER_GC_BY_LIMIT;
    else if (strcmp(asker, "pacer") == 0)
        gc->event.asked_by = READER_GC_BY_PACER;
    text_get(fields, "runtime", gc->runtime, sizeof(gc->runtime));
    gc->collections = known_number(fields, "collections", READER_UNKNOWN - 1);
    gc->freed_bytes_sum =
        known_number(fields, "freed_bytes_sum", READER_UNKNOWN - 1);
    gc->pause_ns_sum = known_number(fields, "pause_ns_sum", READER_UNKNOWN - 1);
}

static void gap_parse(struct fields *fields, void *into)
{
    struct recording_gap *gap = into;

    gap->collections = number(fields, "collections");
}

static void end_parse(struct fields *fields, void *into)
{
    struct recording_end *end = into;

    text_get(fields, "reason", end->reason, sizeof(end->reason));
    end->status = number(fields, "status");
}

static const struct form {
    const char *name;
    void (*parse)(struct fields *fields, void *into);
} forms[RECORDING_KINDS] = {
    [RECORDING_PROCESS] = {"process", process_parse},
    [RECORDING_SAMPLE] = {"sample", sample_parse},
    [RECORDING_CLASSES] = {"classes", classes_parse},
    [RECORDING_GC] = {"gc", gc_parse},
    [RECORDING_GAP] = {"gap", gap_parse},
    [RECORDING_END] = {"end", end_parse},
};

/* ---------------------------------------------------------------- lines */

/* One line as one object; release with json_object_put. */
static int object_parse(const char *line, struct json_object **ret_object,
                        char reason[READER_REASON_BYTES])
{
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);

    if (!tokener)
        return -ENOMEM;
    json_tokener_set_flags(tokener,
                           JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    /* With its terminating zero: else a number at the end would go on. */
    struct json_object *object =
        json_tokener_parse_ex(tokener, line, (int)strlen(line) + 1);
    enum json_tokener_error error = json_tokener_get_error(tokener);

    json_tokener_free(tokener);
    if (error == json_tokener_success &&
        json_object_is_type(object, json_type_object)) {
        *ret_object = object;
        return 0;
    }
    json_object_put(object);
    return refuse(reason, "is no JSON object");
}

/* How many classes a list has room for. */
static size_t classes_count(struct fields *fields, enum recording_kind kind)
{
    struct json_object *list = NULL;

    if (kind != RECORDING_CLASSES)
        return 0;
    (void)json_object_object_get_ex(fields->object, "size_classes", &list);
    if (!json_object_is_type(list, json_type_array) ||
        json_object_array_length(list) > RECORDING_CLASSES_MAX) {
        complain(fields, "size_classes", "no list, or too long a one");
        return 0;
    }
    return json_object_array_length(list);
}

static int entry_of(struct fields *fields, enum recording_kind kind,
                    struct recording_entry *ret_entry)
{
    struct recording_entry entry;
    uint64_t time_ns = time_of(fields);
    size_t classes = classes_count(fields, kind);
    int err = is_sound(fields)
                  ? recording_entry_make(&entry, kind, time_ns, classes)
                  : fields->err;

    if (err)
        return err;
    forms[kind].parse(fields, entry.any);
    if (is_sound(fields))
        *ret_entry = entry;
    else
        recording_entry_fini(&entry);
    return fields->err;
}

int recording_entry_parse(struct recording_entry *ret_entry, const char *line,
                          char ret_reason[READER_REASON_BYTES])
{
    struct fields fields = {.reason = ret_reason};
    int err = object_parse(line, &fields.object, ret_reason);

    if (err)
        return err;
    const char *name = text(&fields, "kind");

    err = is_sound(&fields) ? -ENOMSG : fields.err;
    for (int kind = 0; kind < RECORDING_KINDS && is_sound(&fields); kind++) {
        if (strcmp(name, forms[kind].name) != 0)
            continue;
        err = entry_of(&fields, (enum recording_kind)kind, ret_entry);
        break;
    }
    json_object_put(fields.object);
    return err;
}

int recording_head_parse(struct recording *ret_recording, const char *line,
                         char ret_reason[READER_REASON_BYTES])
{
    struct fields fields = {.reason = ret_reason};

    if (object_parse(line, &fields.object, ret_reason) < 0 ||
        strcmp(text(&fields, "kind"), "recording") != 0) {
        json_object_put(fields.object);
        return refuse(ret_reason, "is not a recording of gcshim");
    }
    uint64_t version = number(&fields, "format_version");
    struct recording head = {
        .began_unix_ns = number(&fields, "began_unix_ns"),
        .began_ns = number(&fields, "began_ns"),
        .interval_ns = number(&fields, "interval_ns"),
    };

    json_object_put(fields.object);
    if (is_sound(&fields) && version != RECORDING_FORMAT_VERSION)
        return refuse(ret_reason, "has format version %llu, not %d",
                      (unsigned long long)version, RECORDING_FORMAT_VERSION);
    if (is_sound(&fields))
        *ret_recording = head;
    return fields.err;
}
