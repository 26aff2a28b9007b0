/* The form that pprof reads: see pprof.h.
 *
 * The message is built whole, each part allocated by itself as protobuf-c
 * unpacks one, so that it releases all of it.  Building goes on after memory
 * ran short, and the builder remembers that it did. */
#include "prof/pprof.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <search.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "profile.pb-c.h"

#include "common/size.h"
#include "reader/array.h"

enum value { ALLOC_OBJECTS, ALLOC_SPACE, INUSE_OBJECTS, INUSE_SPACE, VALUES };

enum { COMMENT_BYTES = 256 };

struct builder {
    const struct reader_profile *from;
    struct symbols *symbols;
    Pprof__Profile *to;
    void *texts;     /* a tree of struct text */
    void *functions; /* a tree of struct function */
    uint64_t *ids;   /* of locations, by the frame's number; 0: none yet */
    size_t id_count;
    /* Of locations that stand for what is not known of a stack. */
    uint64_t no_stack_id, beyond_id, cut_id;
    int error;
};

static void fail(struct builder *builder, int r)
{
    if (r < 0 && builder->error == 0)
        builder->error = r;
}

/* Adds a message that was allocated, or NULL where it could not be, to an array
 * of pointers to such, whatever their type; else frees it and fails. */
static bool add(struct builder *builder, void *array, size_t *count, void *made)
{
    void **items = NULL;

    memcpy(&items, array, sizeof(items));
    int r =
        made ? array_grow((void **)&items, *count, sizeof(*items)) : -ENOMEM;

    if (r < 0) {
        fail(builder, r);
        free(made);
        return false;
    }
    items[(*count)++] = made;
    memcpy(array, &items, sizeof(items));
    return true;
}

/* --------------------------------------------------------------- texts */

struct text {
    const char *text; /* in the string table */
    int64_t index;
};

static int text_compare(const void *left, const void *right)
{
    return strcmp(((const struct text *)left)->text,
                  ((const struct text *)right)->text);
}

static int64_t text_new(struct builder *builder, const char *text)
{
    Pprof__Profile *to = builder->to;
    int64_t index = (int64_t)to->n_string_table;
    struct text *made = malloc(sizeof(*made));
    char *copy = strdup(text);

    if (made)
        *made = (struct text){.text = copy, .index = index};
    if (!add(builder, &to->string_table, &to->n_string_table, copy) || !made ||
        !tsearch(made, &builder->texts, text_compare)) {
        fail(builder, -ENOMEM);
        free(made);
        return 0;
    }
    return index;
}

/* Its index in the string table.  NULL: that of "", which is not known. */
static int64_t text_index(struct builder *builder, const char *text)
{
    struct text key = {.text = text ? text : ""};
    struct text **found = tfind(&key, &builder->texts, text_compare);

    return found ? (*found)->index : text_new(builder, key.text);
}

static Pprof__ValueType *type_new(struct builder *builder, const char *type,
                                  const char *unit)
{
    Pprof__ValueType *made = malloc(sizeof(*made));

    if (!made) {
        fail(builder, -ENOMEM);
        return NULL;
    }
    pprof__value_type__init(made);
    made->type = text_index(builder, type);
    made->unit = text_index(builder, unit);
    return made;
}

/* ----------------------------------------------------------- functions */

struct function {
    int64_t name, system_name, file;
    uint64_t id;
};

static int function_compare(const void *left, const void *right)
{
    const struct function *a = left;
    const struct function *b = right;

    if (a->name != b->name)
        return a->name < b->name ? -1 : 1;
    if (a->system_name != b->system_name)
        return a->system_name < b->system_name ? -1 : 1;
    return (a->file > b->file) - (a->file < b->file);
}

static uint64_t function_new(struct builder *builder, struct function key)
{
    Pprof__Profile *to = builder->to;
    struct function *kept = malloc(sizeof(*kept));
    Pprof__Function *made = malloc(sizeof(*made));

    key.id = to->n_function + 1;
    if (made) {
        pprof__function__init(made);
        made->id = key.id;
        made->name = key.name;
        made->system_name = key.system_name;
        made->filename = key.file;
    }
    (void)add(builder, &to->function, &to->n_function, made);
    if (kept)
        *kept = key;
    if (!kept || !tsearch(kept, &builder->functions, function_compare)) {
        fail(builder, -ENOMEM);
        free(kept);
    }
    return key.id;
}

static uint64_t function_id(struct builder *builder,
                            const struct symbols_call *call)
{
    struct function key = {
        .name = text_index(builder, call->function),
        .system_name =
            text_index(builder, call->mangled ? call->mangled : call->function),
        .file = text_index(builder, call->file),
    };
    struct function **found =
        tfind(&key, &builder->functions, function_compare);

    return found ? (*found)->id : function_new(builder, key);
}

/* ----------------------------------------------------------- locations */

static void line_add(struct builder *builder, Pprof__Location *location,
                     const struct symbols_call *call)
{
    Pprof__Line *made = malloc(sizeof(*made));

    if (made) {
        pprof__line__init(made);
        made->function_id = function_id(builder, call);
        made->line = call->line;
    }
    (void)add(builder, &location->line, &location->n_line, made);
}

/* calls without a function are left to pprof, which shows the file then. */
static uint64_t location_new(struct builder *builder,
                             const struct symbols_call *calls, size_t count,
                             const struct reader_frame *frame)
{
    Pprof__Profile *to = builder->to;
    Pprof__Location *made = malloc(sizeof(*made));
    uint64_t id = to->n_location + 1;

    if (!made) {
        fail(builder, -ENOMEM);
        return 0;
    }
    pprof__location__init(made);
    made->id = id;
    if (frame && !frame->function) {
        made->address = frame->address - 1; /* of the call itself */
        if (frame->module >= 0) {
            made->mapping_id = (uint64_t)frame->module + 1;
            made->address += builder->from->modules[frame->module].bias;
        }
    }
    if (!add(builder, &to->location, &to->n_location, made))
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (calls[i].function)
            line_add(builder, made, &calls[i]);
    }
    return id;
}

/* One that says something of the stack, rather than being on it. */
static uint64_t remark_id(struct builder *builder, uint64_t *id,
                          const char *remark)
{
    struct symbols_call call = {.function = remark};

    if (*id == 0)
        *id = location_new(builder, &call, 1, NULL);
    return *id;
}

static int ids_grow(struct builder *builder, size_t count)
{
    if (count <= builder->id_count)
        return 0;
    count += count / 2;
    uint64_t *larger = reallocarray(builder->ids, count, sizeof(*builder->ids));

    if (!larger)
        return -ENOMEM;
    memset(larger + builder->id_count, 0,
           (count - builder->id_count) * sizeof(*larger));
    builder->ids = larger;
    builder->id_count = count;
    return 0;
}

static uint64_t location_id(struct builder *builder,
                            const struct reader_frame *frame)
{
    const struct symbols_frame *found = NULL;
    int r = symbols_resolve(builder->symbols, frame, &found);

    if (r == 0)
        r = ids_grow(builder, found->number + 1);
    if (r < 0) {
        fail(builder, r);
        return 0;
    }
    uint64_t *id = &builder->ids[found->number];

    if (*id == 0)
        *id = location_new(builder, found->calls, found->call_count, frame);
    return *id;
}

/* ------------------------------------------------------------- samples */

static int64_t rounded(double value)
{
    const double most = 0x1p62;

    if (!(value > 0)) /* not a number either */
        return 0;
    return value < most ? llround(value) : (int64_t)most;
}

/* The locations are a copy of the site's, which many samples share. */
static Pprof__Sample *sample_add(struct builder *builder, const uint64_t *stack,
                                 size_t depth)
{
    Pprof__Profile *to = builder->to;
    Pprof__Sample *made = malloc(sizeof(*made));

    if (made)
        pprof__sample__init(made);
    if (!add(builder, &to->sample, &to->n_sample, made) || !made)
        return NULL;
    made->location_id = calloc(depth, sizeof(*made->location_id));
    made->value = calloc(VALUES, sizeof(*made->value));
    if (!made->location_id || !made->value) {
        fail(builder, -ENOMEM);
        return NULL;
    }
    memcpy(made->location_id, stack, depth * sizeof(*stack));
    made->n_location_id = depth;
    made->n_value = VALUES;
    return made;
}

static Pprof__Label *label_add(struct builder *builder, Pprof__Sample *sample,
                               const char *key)
{
    Pprof__Label *made = malloc(sizeof(*made));

    if (made) {
        pprof__label__init(made);
        made->key = text_index(builder, key);
    }
    return add(builder, &sample->label, &sample->n_label, made) ? made : NULL;
}

static void label_text(struct builder *builder, Pprof__Sample *sample,
                       const char *key, const char *text)
{
    Pprof__Label *label = label_add(builder, sample, key);

    if (label)
        label->str = text_index(builder, text);
}

/* How large a block is on the average, as pprof's own heap profiles say. */
static void label_size(struct builder *builder, Pprof__Sample *sample,
                       double bytes, double blocks)
{
    Pprof__Label *label =
        blocks > 0 ? label_add(builder, sample, "bytes") : NULL;

    if (!label)
        return;
    label->num = rounded(bytes / blocks);
    label->num_unit = text_index(builder, "bytes");
}

static void sample_alloc(struct builder *builder,
                         const struct reader_site *site, const uint64_t *stack,
                         size_t depth)
{
    double bytes = site->total_bytes.value;
    double blocks = site->total_blocks.value;
    Pprof__Sample *sample =
        bytes > 0 ? sample_add(builder, stack, depth) : NULL;

    if (!sample)
        return;
    sample->value[ALLOC_OBJECTS] = rounded(blocks);
    sample->value[ALLOC_SPACE] = rounded(bytes);
    label_size(builder, sample, bytes, blocks);
}

/* thread: NULL where it is not known whose they are. */
static void sample_inuse(struct builder *builder, double bytes, double blocks,
                         const struct reader_site_thread *thread,
                         const uint64_t *stack, size_t depth)
{
    Pprof__Sample *sample =
        rounded(bytes) > 0 ? sample_add(builder, stack, depth) : NULL;
    char tid[16];

    if (!sample)
        return;
    sample->value[INUSE_OBJECTS] = rounded(blocks);
    sample->value[INUSE_SPACE] = rounded(bytes);
    if (thread) {
        (void)snprintf(tid, sizeof(tid), "%" PRIu32, thread->tid);
        label_text(builder, sample, "thread",
                   *thread->name ? thread->name : tid);
        label_text(builder, sample, "tid", tid);
    }
    label_size(builder, sample, bytes, blocks);
}

static void samples_inuse(struct builder *builder,
                          const struct reader_site *site, const uint64_t *stack,
                          size_t depth)
{
    double bytes = site->live_bytes.value;
    double blocks = site->live_blocks.value;

    for (size_t i = 0; i < site->thread_count; i++) {
        const struct reader_site_thread *thread = &site->threads[i];

        sample_inuse(builder, thread->live_bytes.value,
                     thread->live_blocks.value, thread, stack, depth);
        bytes -= thread->live_bytes.value;
        blocks -= thread->live_blocks.value;
    }
    sample_inuse(builder, bytes, blocks, NULL, stack, depth);
}

static void site_add(struct builder *builder, const struct reader_site *site)
{
    uint64_t *stack = calloc(site->frame_count + 1, sizeof(*stack));
    size_t depth = 0;

    if (!stack) {
        fail(builder, -ENOMEM);
        return;
    }
    for (size_t i = 0; i < site->frame_count; i++)
        stack[depth++] = location_id(builder, &site->frames[i]);
    if (site->is_beyond)
        stack[depth++] = remark_id(builder, &builder->beyond_id,
                                   "(no room for more stacks)");
    else if (site->frame_count == 0)
        stack[depth++] =
            remark_id(builder, &builder->no_stack_id, "(no stack)");
    else if (site->is_cut)
        stack[depth++] = remark_id(builder, &builder->cut_id, "(cut)");
    if (builder->error == 0) {
        sample_alloc(builder, site, stack, depth);
        samples_inuse(builder, site, stack, depth);
    }
    free(stack);
}

/* ------------------------------------------------------------ mappings */

static int64_t build_id_index(struct builder *builder,
                              const struct reader_module *module)
{
    char text[2 * READER_BUILD_ID_BYTES + 1] = "";

    for (size_t i = 0; i < module->build_id_bytes; i++)
        (void)snprintf(text + 2 * i, 3, "%02x", module->build_id[i]);
    return text_index(builder, text);
}

static void mapping_add(struct builder *builder, size_t index)
{
    const struct reader_module *module = &builder->from->modules[index];
    enum symbols_state state = symbols_state(builder->symbols, index);
    Pprof__Profile *to = builder->to;
    Pprof__Mapping *made = malloc(sizeof(*made));

    if (made) {
        pprof__mapping__init(made);
        made->id = index + 1;
        made->memory_start = module->start;
        made->memory_limit = module->end;
        made->filename = text_index(builder, module->path);
        made->build_id = build_id_index(builder, module);
        made->has_functions =
            state == SYMBOLS_WITH_LINES || state == SYMBOLS_NAMES;
        made->has_filenames = state == SYMBOLS_WITH_LINES;
        made->has_line_numbers = state == SYMBOLS_WITH_LINES;
        made->has_inline_frames = state == SYMBOLS_WITH_LINES;
    }
    (void)add(builder, &to->mapping, &to->n_mapping, made);
}

/* The first is to be the program: it lies below its libraries. */
static void mappings_add(struct builder *builder)
{
    const struct reader_profile *from = builder->from;
    size_t program = 0;

    for (size_t i = 1; i < from->module_count; i++) {
        if (from->modules[i].start < from->modules[program].start)
            program = i;
    }
    if (from->module_count > 0)
        mapping_add(builder, program);
    for (size_t i = 0; i < from->module_count; i++) {
        if (i != program)
            mapping_add(builder, i);
    }
}

/* --------------------------------------------------------------- whole */

static void types_add(struct builder *builder)
{
    static const char *const types[VALUES][2] = {
        [ALLOC_OBJECTS] = {"alloc_objects", "count"},
        [ALLOC_SPACE] = {"alloc_space", "bytes"},
        [INUSE_OBJECTS] = {"inuse_objects", "count"},
        [INUSE_SPACE] = {"inuse_space", "bytes"},
    };
    Pprof__Profile *to = builder->to;

    (void)text_index(builder, ""); /* must be the first */
    for (size_t i = 0; i < VALUES; i++) {
        Pprof__ValueType *type = type_new(builder, types[i][0], types[i][1]);

        (void)add(builder, &to->sample_type, &to->n_sample_type, type);
    }
    to->default_sample_type = text_index(builder, types[INUSE_SPACE][0]);
    to->period_type = type_new(builder, "space", "bytes");
    to->period = (int64_t)builder->from->mean_bytes;
}

__attribute__((format(printf, 2, 3))) static void
comment_add(struct builder *builder, const char *format, ...)
{
    Pprof__Profile *to = builder->to;
    char text[COMMENT_BYTES];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    int r =
        array_grow((void **)&to->comment, to->n_comment, sizeof(*to->comment));

    fail(builder, r);
    if (r == 0)
        to->comment[to->n_comment++] = text_index(builder, text);
}

static void comment_estimate(struct builder *builder, const char *what,
                             struct reader_estimate bytes)
{
    struct reader_range95 range =
        reader_estimate_range(bytes, (double)builder->from->most_mean_bytes);
    char value[SIZE_BYTES];
    char low[SIZE_BYTES];
    char high[SIZE_BYTES];

    comment_add(builder, "%s: %s; in 95 of 100 cases from %s to %s", what,
                size_format(value, (uint64_t)rounded(bytes.value)),
                size_format(low, (uint64_t)rounded(range.low)),
                size_format(high, (uint64_t)rounded(range.high)));
}

static void comments_add(struct builder *builder)
{
    const struct reader_profile *from = builder->from;
    char text[SIZE_BYTES];

    comment_add(builder, "gcshim %s", GCSHIM_VERSION);
    if (from->mean_bytes > 0)
        comment_add(builder,
                    "all values are estimates, from a sample taken every %s "
                    "on the average",
                    size_format(text, from->mean_bytes));
    else
        comment_add(builder, "all values are estimates from samples");
    comment_estimate(builder, "inuse_space", from->live_bytes);
    comment_estimate(builder, "alloc_space", from->total_bytes);
    comment_add(builder, "in use, counted exactly: %s",
                size_format(text, from->used_bytes));
}

/* The first failure of gzip or stdio is the last thing done. */
static int put(FILE *out, const uint8_t *bytes, size_t count)
{
    z_stream stream = {.next_in = (z_const Bytef *)bytes};
    int verdict = Z_OK;
    int r = 0;

    if (count > UINT32_MAX)
        return -EFBIG;
    stream.avail_in = (uInt)count;
    /* 16: with a header as gzip writes it. */
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8,
                     Z_DEFAULT_STRATEGY) != Z_OK)
        return -ENOMEM;
    while (r == 0 && verdict == Z_OK) {
        uint8_t packed[1 << 14];

        stream.next_out = packed;
        stream.avail_out = sizeof(packed);
        verdict = deflate(&stream, Z_FINISH);
        size_t filled = sizeof(packed) - stream.avail_out;

        errno = 0;
        if (fwrite(packed, 1, filled, out) != filled)
            r = errno ? -errno : -EIO;
    }
    (void)deflateEnd(&stream);
    if (r == 0 && verdict != Z_STREAM_END)
        r = -EIO;
    return r == 0 && fflush(out) != 0 ? -errno : r;
}

static int pack(FILE *out, const Pprof__Profile *profile)
{
    size_t count = pprof__profile__get_packed_size(profile);
    uint8_t *bytes = malloc(count + 1);

    if (!bytes)
        return -ENOMEM;
    (void)pprof__profile__pack(profile, bytes);
    int r = put(out, bytes, count);

    free(bytes);
    return r;
}

int pprof_write(FILE *out, const struct reader_profile *profile,
                struct symbols *symbols, uint64_t time_ns)
{
    struct builder builder = {
        .from = profile,
        .symbols = symbols,
        .to = malloc(sizeof(*builder.to)),
    };

    if (!builder.to)
        return -ENOMEM;
    pprof__profile__init(builder.to);
    builder.to->time_nanos = (int64_t)time_ns;
    if (profile->age_ms != READER_UNKNOWN)
        builder.to->duration_nanos = (int64_t)(profile->age_ms * 1000000);
    types_add(&builder);
    for (size_t i = 0; i < profile->site_count && builder.error == 0; i++)
        site_add(&builder, &profile->sites[i]);
    mappings_add(&builder); /* what is known of them is known only now */
    comments_add(&builder);
    int r = builder.error < 0 ? builder.error : pack(out, builder.to);

    tdestroy(builder.texts, free);
    tdestroy(builder.functions, free);
    free(builder.ids);
    pprof__profile__free_unpacked(builder.to, NULL);
    return r;
}
