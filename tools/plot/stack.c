/* Size classes over time: see stack.h. */
#include "plot/stack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/classes.h"
#include "common/size.h"
#include "plot/gnuplot.h"
#include "plot/story.h"
#include "reader/array.h"

enum { WIDTH = 960, HEIGHT = 640, OTHERS = STACK_TOP_MAX, TITLE_MOST = 84 };

static const double head_room = 1.06;
static const double label_share = 0.045; /* of the height, that a name takes */

/* Neighbours differ in lightness too. */
static const char *const colors[STACK_TOP_MAX + 1] = {
    "#08519c", "#6baed6", "#8c510a", "#dfc27d", "#01665e", "#80cdc1",
    "#762a83", "#c2a5cf", "#b2182b", "#f4a582", "#4d4d4d", "#bababa",
    "#1b7837", "#a6dba0", "#c51b7d", "#f1b6da", "#e8e8e8"};

uint64_t stack_room(const struct reader_class *class)
{
    uint64_t bytes = 0;

    return __builtin_mul_overflow(class->reserved_blocks, class->block_bytes,
                                  &bytes)
               ? 0
               : bytes;
}

/* ------------------------------------------------------------- which ones */

struct size {
    uint64_t block_bytes;
    uint64_t most_bytes;
};

struct sizes {
    struct size *entries;
    size_t count;
};

static int size_note(struct sizes *sizes, const struct reader_class *class)
{
    uint64_t bytes = stack_room(class);

    for (size_t i = 0; i < sizes->count; i++) {
        struct size *size = &sizes->entries[i];

        if (size->block_bytes != class->block_bytes)
            continue;
        if (bytes > size->most_bytes)
            size->most_bytes = bytes;
        return 0;
    }
    /* Huge blocks may be of any size; what is beyond counts as others. */
    if (sizes->count == RECORDING_CLASSES_MAX)
        return 0;
    int err = array_grow((void **)&sizes->entries, sizes->count,
                         sizeof(*sizes->entries));

    if (err == 0)
        sizes->entries[sizes->count++] =
            (struct size){class->block_bytes, bytes};
    return err;
}

static int by_most(const void *left, const void *right)
{
    const struct size *a = left;
    const struct size *b = right;

    return (a->most_bytes < b->most_bytes) - (a->most_bytes > b->most_bytes);
}

static int by_size(const void *left, const void *right)
{
    const uint64_t *a = left;
    const uint64_t *b = right;

    return (*a > *b) - (*a < *b);
}

size_t stack_sizes(const struct recording *recording, size_t top,
                   uint64_t ret_sizes[STACK_TOP_MAX])
{
    struct sizes sizes = {0};
    size_t count = 0;
    int err = 0;

    for (size_t i = 0; i < recording->count && err == 0; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind != RECORDING_CLASSES)
            continue;
        for (size_t k = 0; k < entry->classes->count && err == 0; k++)
            err = size_note(&sizes, &entry->classes->classes[k]);
    }
    if (sizes.count > 0)
        qsort(sizes.entries, sizes.count, sizeof(*sizes.entries), by_most);
    for (; count < top && count < sizes.count; count++)
        ret_sizes[count] = sizes.entries[count].block_bytes;
    if (count > 0)
        qsort(ret_sizes, count, sizeof(*ret_sizes), by_size);
    free(sizes.entries);
    return count;
}

/* ----------------------------------------------------------------- layers */

void stack_layers_of(const struct stack_layers *layers,
                     const struct recording_classes *classes,
                     stack_measure *measure,
                     uint64_t ret_bytes[STACK_TOP_MAX + 1])
{
    memset(ret_bytes, 0, sizeof(*ret_bytes) * (STACK_TOP_MAX + 1));
    for (size_t i = 0; i < classes->count; i++) {
        const struct reader_class *class = &classes->classes[i];
        size_t layer = 0;

        while (layer < layers->count &&
               layers->sizes[layer] != class->block_bytes)
            layer++;
        ret_bytes[layer] += measure(class);
    }
}

struct stack {
    FILE *script;
    const struct recording *recording;
    struct stack_layers layers;
    struct axis time;
    struct axis bytes;
};

static uint64_t sum_of(const struct stack *stack,
                       const uint64_t bytes[STACK_TOP_MAX + 1], size_t layers)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < layers && i <= stack->layers.count; i++)
        sum += bytes[i];
    return sum;
}

static double seconds(uint64_t time_ns)
{
    return (double)time_ns / (double)RECORDING_NS_PER_S;
}

/* Each layer's upper edge. */
static void layers_print(const struct stack *stack, const char *name,
                         stack_measure *measure)
{
    const struct recording *recording = stack->recording;
    uint64_t bytes[STACK_TOP_MAX + 1];

    (void)fprintf(stack->script, "$%s << END_OF_LAYERS\n", name);
    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind != RECORDING_CLASSES)
            continue;
        stack_layers_of(&stack->layers, entry->classes, measure, bytes);
        (void)fprintf(stack->script, "%.6f", seconds(entry->time_ns));
        for (size_t layer = 1; layer <= stack->layers.count + 1; layer++)
            (void)fprintf(stack->script, " %" PRIu64,
                          sum_of(stack, bytes, layer));
        (void)fputc('\n', stack->script);
    }
    (void)fputs("END_OF_LAYERS\n", stack->script);
}

static void layer_name(char text[SIZE_BYTES], const struct stack *stack,
                       size_t layer)
{
    if (layer < stack->layers.count)
        size_format(text, stack->layers.sizes[layer]);
    else
        (void)snprintf(text, SIZE_BYTES, "others");
}

/* Where a layer's name has most room: a time, and a height there. */
struct place {
    double seconds;
    double bytes;
    double room;
};

struct edges {
    double below;
    double above;
};

static struct edges edges_of(const struct stack *stack, size_t layer,
                             stack_measure *measure,
                             const struct recording_entry *entry)
{
    uint64_t bytes[STACK_TOP_MAX + 1];

    stack_layers_of(&stack->layers, entry->classes, measure, bytes);
    return (struct edges){
        .below = (double)sum_of(stack, bytes, layer),
        .above = (double)sum_of(stack, bytes, layer + 1),
    };
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static double smaller(double a, double b)
{
    return a < b ? a : b;
}

/* A name reaches about half way to the neighbours, and must lie within the
 * layer there too; not at the very edge of the picture. */
static void place_try(const struct stack *stack, size_t layer,
                      stack_measure *measure,
                      const struct recording_entry *const neighbours[3],
                      struct place *best)
{
    double at = seconds(neighbours[1]->time_ns);
    struct edges here = edges_of(stack, layer, measure, neighbours[1]);
    struct edges common = here;

    if (at < 0.06 * stack->time.most || at > 0.94 * stack->time.most)
        return;
    for (size_t i = 0; i < 3; i += 2) {
        struct edges edges = edges_of(stack, layer, measure, neighbours[i]);

        common.below = larger(common.below, (here.below + edges.below) / 2);
        common.above = smaller(common.above, (here.above + edges.above) / 2);
    }
    if (common.above - common.below > best->room)
        *best = (struct place){at, (common.above + common.below) / 2,
                               common.above - common.below};
}

static struct place place_of(const struct stack *stack, size_t layer,
                             stack_measure *measure)
{
    const struct recording *recording = stack->recording;
    const struct recording_entry *neighbours[3] = {NULL, NULL, NULL};
    struct place best = {0};

    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].kind != RECORDING_CLASSES)
            continue;
        neighbours[0] = neighbours[1];
        neighbours[1] = neighbours[2];
        neighbours[2] = &recording->entries[i];
        if (neighbours[0])
            place_try(stack, layer, measure, neighbours, &best);
    }
    return best;
}

static void name_print(const struct stack *stack, size_t layer,
                       stack_measure *measure)
{
    struct place place = place_of(stack, layer, measure);
    char name[SIZE_BYTES];

    if (place.room < stack->bytes.most * label_share)
        return;
    layer_name(name, stack, layer);
    (void)fprintf(stack->script,
                  "set label '%s' at %.6f,%.9g center front font ',11' "
                  "tc rgb '%s'\n",
                  name, place.seconds, place.bytes,
                  layer % 2 == 0 ? "#ffffff" : "#222222");
}

static void title_print(const struct stack *stack)
{
    char title[STORY_TITLE_BYTES];
    char line[STORY_LINE_BYTES];

    story_title(title, stack->recording, TITLE_MOST);
    story_line(line, stack->recording);
    (void)fputs("set label ", stack->script);
    gnuplot_text(stack->script, title);
    (void)fputs(" at screen 0.012,0.968 left front font ',15'\nset label ",
                stack->script);
    gnuplot_text(stack->script, line);
    (void)fputs(" at screen 0.012,0.934 left front font ',11' "
                "tc rgb '#555555'\n",
                stack->script);
}

static void panel_print(const struct stack *stack, const char *name,
                        const char *title, stack_measure *measure, double top,
                        double bottom)
{
    char layer[SIZE_BYTES];

    (void)fprintf(stack->script,
                  "unset label\n"
                  "set label '%s' at graph 0.005,graph 1.06 left "
                  "font ',12' tc rgb '#333333'\n"
                  "set tmargin at screen %.4f\n"
                  "set bmargin at screen %.4f\n",
                  title, top, bottom);
    if (measure == class_used_bytes)
        title_print(stack);
    for (size_t i = 0; i < stack->layers.count; i++)
        name_print(stack, i, measure);
    /* From the top down, so that each covers what is below it. */
    for (size_t i = stack->layers.count + 1; i > 0; i--) {
        layer_name(layer, stack, i - 1);
        (void)fprintf(
            stack->script,
            "%s$%s using 1:%zu with filledcurves y1=0 "
            "fs solid border lc rgb '#ffffff' fc rgb '%s' "
            "title '%s'",
            i == stack->layers.count + 1 ? "plot " : ", \\\n  ", name, i + 1,
            i - 1 < stack->layers.count ? colors[i - 1] : colors[OTHERS],
            layer);
    }
    (void)fputc('\n', stack->script);
}

static double bytes_most(const struct stack *stack)
{
    uint64_t bytes[STACK_TOP_MAX + 1];
    uint64_t most = 0;

    for (size_t i = 0; i < stack->recording->count; i++) {
        const struct recording_entry *entry = &stack->recording->entries[i];

        if (entry->kind != RECORDING_CLASSES)
            continue;
        stack_layers_of(&stack->layers, entry->classes, stack_room, bytes);
        uint64_t sum = sum_of(stack, bytes, stack->layers.count + 1);

        most = sum > most ? sum : most;
    }
    return (double)most * head_room;
}

int stack_print(FILE *script, const struct recording *recording, size_t top)
{
    struct stack stack = {.script = script, .recording = recording};

    stack.layers.count = stack_sizes(recording, top, stack.layers.sizes);
    stack.time = axis_of_seconds(seconds(recording_length_ns(recording)));
    stack.bytes = axis_of_bytes(bytes_most(&stack));
    gnuplot_begin(script, WIDTH, HEIGHT);
    layers_print(&stack, "used", class_used_bytes);
    layers_print(&stack, "room", stack_room);
    (void)fprintf(script,
                  "set multiplot\n"
                  "set lmargin at screen 0.095\n"
                  "set rmargin at screen 0.86\n"
                  "set xrange [0:%.6f]\n"
                  "set yrange [0:%.9g]\n"
                  "set key at screen 0.87,0.86 left top vertical Left "
                  "reverse samplen 1.5 font ',12' textcolor rgb '#333333' "
                  "title 'blocks of' left\n",
                  stack.time.most, stack.bytes.most);
    gnuplot_tics(script, "xtics", &stack.time);
    gnuplot_tics(script, "ytics", &stack.bytes);
    panel_print(&stack, "used", "in use", class_used_bytes, 0.86, 0.51);
    (void)fputs("unset key\n", script);
    panel_print(&stack, "room", "what the pages of these blocks have room for",
                stack_room, 0.41, 0.06);
    (void)fputs("unset multiplot\n", script);
    return ferror(script) ? -EIO : 0;
}
