/* Figures over time: see timeline.h.
 *
 * Below zero the same axes have rows for what is no size: collections, and
 * verdicts.  Every line can be told from the others without its colour. */
#include "plot/timeline.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/gc.h"
#include "common/size.h"
#include "plot/gnuplot.h"
#include "plot/story.h"

enum {
    WIDTH = 960,
    HEIGHT = 500,
    ROW_HEIGHT = 26, /* of each row more than the first two */
    TITLE_BYTES_MOST = 84,
};

/* In parts of the whole length, or of the highest value. */
static const double row_share = 0.075;
static const double head_room = 0.15;    /* above it, for each recording */
static const double label_share = 0.075; /* as wide as a size may be */
static const double name_share = 0.0085; /* as wide as a character is */
static const double least_share = 0.008; /* of what is shown of verdicts */

struct line {
    enum figure_id id;
    const char *style;
};

static const struct line lines_of_one[] = {
    {FIGURE_RSS, "lw 1 dt '.' lc rgb '#777777'"},
    {FIGURE_RESIDENT, "lw 1.6 dt '_.' lc rgb '#00805f'"},
    {FIGURE_ALLOCATED, "lw 2 dt '-' lc rgb '#d55e00'"},
    {FIGURE_USED, "lw 2.4 lc rgb '#0072b2'"},
};

static const struct line lines_of_two[2][2] = {
    {{FIGURE_ALLOCATED, "lw 1.2 lc rgb '#0072b2'"},
     {FIGURE_USED, "lw 2.6 lc rgb '#0072b2'"}},
    {{FIGURE_ALLOCATED, "lw 1.2 dt '.' lc rgb '#d55e00'"},
     {FIGURE_USED, "lw 2.6 dt '-' lc rgb '#d55e00'"}},
};

struct canvas {
    FILE *script;
    const struct recording *const *recordings;
    size_t count;
    struct axis time;
    struct axis bytes;
};

static double seconds(uint64_t time_ns)
{
    return (double)time_ns / (double)RECORDING_NS_PER_S;
}

static size_t lines_count(const struct canvas *canvas)
{
    return canvas->count == 1 ? sizeof(lines_of_one) / sizeof(lines_of_one[0])
                              : 2;
}

static const struct line *lines_of(const struct canvas *canvas, size_t of)
{
    return canvas->count == 1 ? lines_of_one : lines_of_two[of];
}

/* ---------------------------------------------------------------- points */

/* How a curve gets from one sample to the next. */
struct step {
    double from;
    double to;
    uint64_t before; /* the figure at these */
    uint64_t after;
};

/* What lay between two samples and beyond both of them is shown between
 * them; when it was is not known. */
static void extreme_print(FILE *script, const struct step *step, double share,
                          uint64_t value)
{
    (void)fprintf(script, "%.6f %" PRIu64 "\n",
                  step->from + (step->to - step->from) * share, value);
}

static void step_print(FILE *script, const struct recording_sample *sample,
                       enum figure_id id, const struct step *step)
{
    uint64_t least = sample->least[id];
    uint64_t most = sample->most[id];

    if (step->before != READER_UNKNOWN) {
        if (most > step->before && most > step->after)
            extreme_print(script, step, 1.0 / 3, most);
        if (least < step->before && least < step->after)
            extreme_print(script, step, 2.0 / 3, least);
    }
    (void)fprintf(script, "%.6f %" PRIu64 "\n", step->to, step->after);
}

/* Of one figure.  Another program is another curve; so is what comes after
 * something that is not known. */
static void points_print(const struct canvas *canvas, size_t of,
                         enum figure_id id)
{
    const struct recording *recording = canvas->recordings[of];
    struct step step = {.after = READER_UNKNOWN};

    (void)fprintf(canvas->script, "$points%zu%d << END_OF_POINTS\n", of,
                  (int)id);
    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind == RECORDING_PROCESS)
            step.after = READER_UNKNOWN;
        if (entry->kind != RECORDING_SAMPLE)
            continue;
        step.before = step.after;
        step.from = step.to;
        step.after = entry->sample->figures[id];
        step.to = seconds(entry->time_ns);
        if (step.before == READER_UNKNOWN)
            (void)fputc('\n', canvas->script);
        if (step.after != READER_UNKNOWN)
            step_print(canvas->script, entry->sample, id, &step);
    }
    (void)fputs("END_OF_POINTS\n", canvas->script);
}

static void events_print(const struct canvas *canvas, size_t of)
{
    const struct recording *recording = canvas->recordings[of];

    (void)fprintf(canvas->script, "$events%zu << END_OF_EVENTS\n", of);
    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind == RECORDING_GC)
            (void)fprintf(canvas->script, "%.6f %" PRIu64 " %" PRIu64 "\n",
                          seconds(entry->time_ns), entry->gc->event.used_before,
                          entry->gc->event.used_after);
    }
    (void)fputs("END_OF_EVENTS\n", canvas->script);
}

/* ------------------------------------------------------------------ rows */

/* The middle of a row below the axis, the first being 0. */
static double row_at(const struct canvas *canvas, size_t row)
{
    return -((double)row + 0.75) * row_share * canvas->bytes.most;
}

static bool has_events(const struct recording *recording)
{
    return recording_first(recording, RECORDING_GC) != NULL;
}

static size_t rows_count(const struct canvas *canvas)
{
    size_t rows = 0;

    for (size_t i = 0; i < canvas->count; i++)
        rows += 1 + (size_t)has_events(canvas->recordings[i]);
    return rows;
}

static const char *letter_of(const struct canvas *canvas, size_t of)
{
    if (canvas->count == 1)
        return "";
    return of == 0 ? "A " : "B ";
}

static void row_name_print(const struct canvas *canvas, const char *name,
                           size_t of, size_t row)
{
    (void)fprintf(canvas->script,
                  "set label '%s%s' at screen 0.083,first %.9g right "
                  "tc rgb '#333333'\n",
                  letter_of(canvas, of), name, row_at(canvas, row));
}

static const char *verdict_color(enum reader_verdict verdict)
{
    switch (verdict) {
    case READER_VERDICT_IN_USE:
        return "#cfe3f2";
    case READER_VERDICT_UNRETURNED:
        return "#fbdcb4";
    case READER_VERDICT_FRAGMENTED:
        return "#e3d4ee";
    case READER_VERDICT_OUTSIDE:
        return "#cfe8d5";
    default:
        return "#ffffff";
    }
}

/* Whether there was room for its name. */
static bool verdict_print(const struct canvas *canvas,
                          const struct verdict_run *run, size_t row)
{
    const char *name = reader_verdict_name(run->verdict);
    double half = row_share * canvas->bytes.most * 0.36;
    double y = row_at(canvas, row);
    double begin = seconds(run->begin_ns);
    double end = seconds(run->end_ns);
    double room = (end - begin) / canvas->time.most;

    (void)fprintf(canvas->script,
                  "set object rect from %.6f,%.9g to %.6f,%.9g fc rgb '%s' "
                  "fs solid border lc rgb '#888888' lw 0.5\n",
                  begin, y - half, end, y + half, verdict_color(run->verdict));
    if (room < name_share * (double)(strlen(name) + 1))
        return false;
    (void)fprintf(canvas->script,
                  "set label '%s' at %.6f,%.9g center front "
                  "font ',11' tc rgb '#333333'\n",
                  name, (begin + end) / 2, y);
    return true;
}

/* Returns those that stand there without a name, as bits. */
static unsigned verdicts_print(const struct canvas *canvas, size_t of,
                               size_t row)
{
    unsigned named = 0;
    unsigned shown = 0;
    uint64_t least_ns = (uint64_t)(canvas->time.most * least_share *
                                   (double)RECORDING_NS_PER_S);
    size_t count = 0;
    struct verdict_run *runs =
        verdict_runs(canvas->recordings[of], least_ns, &count);

    for (size_t i = 0; i < count; i++) {
        unsigned bit = 1U << runs[i].verdict;

        shown |= bit;
        named |= verdict_print(canvas, &runs[i], row) ? bit : 0;
    }
    free(runs);
    row_name_print(canvas, "verdict", of, row);
    return shown & ~named;
}

/* ---------------------------------------------------------------- labels */

/* Whether a mark stands where a text from x on would. */
static bool is_taken(const struct canvas *canvas, const struct recording *of,
                     const struct recording_entry *entry)
{
    double begin = seconds(entry->time_ns);
    double end = begin + label_share * canvas->time.most;

    for (size_t i = 0; i < of->count; i++) {
        double at = seconds(of->entries[i].time_ns);

        if (of->entries[i].kind == RECORDING_GC && &of->entries[i] != entry &&
            at >= begin && at < end)
            return true;
    }
    return end > canvas->time.most;
}

/* Beside each mark what the collection gave back, where there is room. */
static void freed_print(const struct canvas *canvas, size_t of, size_t row)
{
    const struct recording *recording = canvas->recordings[of];
    char freed[SIZE_BYTES];

    row_name_print(canvas, "GC", of, row);
    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind != RECORDING_GC || is_taken(canvas, recording, entry))
            continue;
        (void)fprintf(canvas->script,
                      "set label '%s' at %.6f,%.9g left offset 0.6,0 front "
                      "font ',10' tc rgb '#5b3a8c'\n",
                      size_format(freed, entry->gc->freed_bytes_sum),
                      seconds(entry->time_ns), row_at(canvas, row));
    }
}

/* The highest point of used, with its value above all curves. */
static void peak_print(const struct canvas *canvas, size_t of)
{
    const struct recording_entry *peak =
        story_peak(canvas->recordings[of], FIGURE_USED);
    const char *color = of == 0 ? "#0072b2" : "#d55e00";
    char size[SIZE_BYTES];

    if (!peak)
        return;
    uint64_t bytes = peak->sample->most[FIGURE_USED];
    double at = seconds(peak->time_ns);
    double y = canvas->bytes.most * (of == 0 ? 0.97 : 0.9);
    bool is_left = at > canvas->time.most * (of == 0 ? 0.8 : 0.9);

    (void)fprintf(canvas->script,
                  "set arrow from %.6f,%.9g to %.6f,%.9g nohead front lw 0.7 "
                  "lc rgb '%s'\n"
                  "set label '%s%s' at %.6f,%.9g %s offset %g,0 front "
                  "font ',12' tc rgb '%s'\n",
                  at, y, at, (double)bytes, color,
                  canvas->count == 1 ? "most used " : letter_of(canvas, of),
                  size_format(size, bytes), at, y, is_left ? "right" : "left",
                  is_left ? -0.6 : 0.6, color);
}

/* Where the process became another program; those that it was for but a
 * moment are not told apart. */
static void programs_print(const struct canvas *canvas)
{
    const struct recording *recording = canvas->recordings[0];
    const struct recording_entry *before = NULL;

    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];
        double share = before ? seconds(entry->time_ns - before->time_ns) /
                                    canvas->time.most
                              : 0;

        if (entry->kind != RECORDING_PROCESS)
            continue;
        if (before && share > 2 * label_share) {
            (void)fprintf(canvas->script,
                          "set arrow from %.6f,0 to %.6f,graph 1 nohead "
                          "lw 1 dt '.' lc rgb '#444444'\nset label ",
                          seconds(entry->time_ns), seconds(entry->time_ns));
            gnuplot_text(canvas->script, entry->process->comm);
            (void)fprintf(canvas->script,
                          " at %.6f,graph 0.97 left offset 0.5,0 "
                          "font ',11' tc rgb '#444444'\n",
                          seconds(entry->time_ns));
        }
        before = entry;
    }
}

static void title_print(const struct canvas *canvas)
{
    char title[STORY_TITLE_BYTES];
    char line[STORY_LINE_BYTES];

    for (size_t i = 0; i < canvas->count; i++) {
        /* Of two, each has one line. */
        int y = HEIGHT - 18 - (int)i * 20;
        size_t most = TITLE_BYTES_MOST / canvas->count;
        double share = (double)y / HEIGHT;

        story_title(title, canvas->recordings[i], most);
        story_line(line, canvas->recordings[i]);
        (void)fprintf(canvas->script, "set label ");
        if (canvas->count == 1) {
            gnuplot_text(canvas->script, title);
            (void)fprintf(canvas->script,
                          " at screen 0.012,%.4f left front font ',15'\n"
                          "set label ",
                          share);
            gnuplot_text(canvas->script, line);
            (void)fprintf(canvas->script,
                          " at screen 0.012,%.4f left front font ',11' "
                          "tc rgb '#555555'\n",
                          share - 22.0 / HEIGHT);
        } else {
            char both[STORY_TITLE_BYTES + STORY_LINE_BYTES + 8];

            (void)snprintf(both, sizeof(both), "%s: %s, %s", i == 0 ? "A" : "B",
                           title, line);
            gnuplot_text(canvas->script, both);
            (void)fprintf(canvas->script,
                          " at screen 0.012,%.4f left front font ',12' "
                          "tc rgb '%s'\n",
                          share, i == 0 ? "#005a8c" : "#a84a00");
        }
    }
}

/* ------------------------------------------------------------------ plot */

static void separator(const struct canvas *canvas, bool *is_first)
{
    (void)fputs(*is_first ? "plot " : ", \\\n  ", canvas->script);
    *is_first = false;
}

static void curves_print(const struct canvas *canvas, size_t of, bool *is_first)
{
    const struct line *lines = lines_of(canvas, of);

    if (canvas->count == 1) {
        separator(canvas, is_first);
        (void)fprintf(canvas->script,
                      "$points%zu%d using 1:2 with filledcurves y1=0 "
                      "fs transparent solid 0.12 noborder fc rgb '#0072b2' "
                      "notitle",
                      of, (int)FIGURE_USED);
    }
    for (size_t i = lines_count(canvas); i > 0; i--) {
        const struct line *line = &lines[i - 1];

        separator(canvas, is_first);
        (void)fprintf(canvas->script,
                      "$points%zu%d using 1:2 with lines %s title '%s%s'", of,
                      (int)line->id, line->style, letter_of(canvas, of),
                      figures[line->id].label);
    }
}

static void marks_print(const struct canvas *canvas, size_t of, size_t row,
                        bool *is_first)
{
    separator(canvas, is_first);
    (void)fprintf(canvas->script,
                  "$events%zu using 1:2:(0):($3-$2) with vectors nohead lw 2 "
                  "lc rgb '#7b4fb0' notitle",
                  of);
    separator(canvas, is_first);
    (void)fprintf(canvas->script,
                  "$events%zu using 1:(%.9g) with points pt 9 ps 0.7 "
                  "lc rgb '#7b4fb0' title '%scollection'",
                  of, row_at(canvas, row), letter_of(canvas, of));
}

/* In the order of the enumeration. */
static void verdict_keys_print(const struct canvas *canvas, unsigned unnamed,
                               bool *is_first)
{
    for (int i = READER_VERDICT_UNKNOWN + 1; i <= READER_VERDICT_OUTSIDE; i++) {
        enum reader_verdict verdict = (enum reader_verdict)i;

        if (!(unnamed & (1U << i)))
            continue;
        separator(canvas, is_first);
        (void)fprintf(canvas->script,
                      "keyentry with boxes fs solid border lc rgb '#888888' "
                      "fc rgb '%s' title '%s'",
                      verdict_color(verdict), reader_verdict_name(verdict));
    }
}

static void frame_print(const struct canvas *canvas)
{
    size_t rows = rows_count(canvas);

    gnuplot_begin(canvas->script, WIDTH,
                  HEIGHT + (rows > 2 ? (int)(rows - 2) * ROW_HEIGHT : 0));
    (void)fprintf(canvas->script,
                  "set lmargin at screen 0.095\n"
                  "set rmargin at screen 0.98\n"
                  "set tmargin at screen %.4f\n"
                  "set bmargin at screen %.4f\n"
                  "set key at screen 0.5375,0.012 center bottom horizontal "
                  "Left reverse width 1 font ',12' textcolor rgb '#333333' "
                  "samplen 3\n"
                  "set xrange [0:%.6f]\n"
                  "set yrange [%.9g:%.9g]\n"
                  "set arrow from 0,0 to %.6f,0 nohead lw 1 "
                  "lc rgb '#666666'\n",
                  1 - 62.0 / HEIGHT, 84.0 / HEIGHT, canvas->time.most,
                  -((double)rows + 0.3) * row_share * canvas->bytes.most,
                  canvas->bytes.most, canvas->time.most);
    gnuplot_tics(canvas->script, "xtics", &canvas->time);
    gnuplot_tics(canvas->script, "ytics", &canvas->bytes);
}

static double bytes_most(const struct canvas *canvas)
{
    uint64_t most = 1;

    for (size_t of = 0; of < canvas->count; of++) {
        for (size_t i = 0; i < lines_count(canvas); i++) {
            enum figure_id id = lines_of(canvas, of)[i].id;
            const struct recording_entry *peak =
                story_peak(canvas->recordings[of], id);

            if (peak && peak->sample->most[id] > most)
                most = peak->sample->most[id];
        }
    }
    return (double)most * (1 + head_room * (double)canvas->count);
}

static double seconds_most(const struct canvas *canvas)
{
    uint64_t most = 0;

    for (size_t of = 0; of < canvas->count; of++) {
        uint64_t length = recording_length_ns(canvas->recordings[of]);

        most = length > most ? length : most;
    }
    return seconds(most);
}

static void figures_print(const struct canvas *canvas, size_t of)
{
    for (size_t i = 0; i < lines_count(canvas); i++)
        points_print(canvas, of, lines_of(canvas, of)[i].id);
    peak_print(canvas, of);
}

void timeline_print(FILE *script, const struct recording *const recordings[],
                    size_t count)
{
    struct canvas canvas = {
        .script = script, .recordings = recordings, .count = count};
    bool is_first = true;
    unsigned unnamed = 0;
    size_t row = 0;

    canvas.time = axis_of_seconds(seconds_most(&canvas));
    canvas.bytes = axis_of_bytes(bytes_most(&canvas));
    frame_print(&canvas);
    title_print(&canvas);
    if (count == 1)
        programs_print(&canvas);
    for (size_t of = 0; of < count; of++) {
        figures_print(&canvas, of);
        if (has_events(recordings[of])) {
            events_print(&canvas, of);
            freed_print(&canvas, of, row++);
        }
        unnamed |= verdicts_print(&canvas, of, row++);
    }
    row = 0;
    for (size_t of = 0; of < count; of++) {
        curves_print(&canvas, of, &is_first);
        if (has_events(recordings[of]))
            marks_print(&canvas, of, row++, &is_first);
        row++;
    }
    verdict_keys_print(&canvas, unnamed, &is_first);
    (void)fputc('\n', script);
}
