/* The page: see page.h.  Its frame is page.html, its looks page.css, and what
 * draws on it page.js.  What must be readable without JavaScript, and for who
 * does not see the curves, is written here as text. */
#include "plot/page.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/classes.h"
#include "common/gc.h"
#include "common/size.h"
#include "plot/stack.h"
#include "plot/story.h"

extern const char page_html[];
extern const char page_css[];
extern const char page_js[];

enum { ROWS_MOST = 500, NS_PER_MS = 1000000, TITLE_MOST = 150 };

struct page {
    FILE *out;
    const struct recording *const *recordings;
    size_t count;
    size_t top;
};

/* ----------------------------------------------------------------- texts */

static void html_text(FILE *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("&<>\"'", *text))
            (void)fprintf(out, "&#%d;", *text);
        else
            (void)fputc(*text, out);
    }
}

/* Within a script a text must not end it, either. */
static void json_text(FILE *out, const char *text)
{
    (void)fputc('"', out);
    for (; *text; text++) {
        if (strchr("\"\\<>&", *text))
            (void)fprintf(out, "\\u%04x", (unsigned)*text);
        else
            (void)fputc(*text, out);
    }
    (void)fputc('"', out);
}

static double seconds(uint64_t time_ns)
{
    return (double)time_ns / (double)RECORDING_NS_PER_S;
}

/* ------------------------------------------------------------------ data */

static void number(FILE *out, uint64_t value)
{
    if (value == READER_UNKNOWN)
        (void)fputs("null", out);
    else
        (void)fprintf(out, "%" PRIu64, value);
}

/* A list with one entry for each sample. */
typedef void sample_writer(FILE *out, const struct recording_entry *entry,
                           size_t which);

static void samples_list(FILE *out, const struct recording *recording,
                         sample_writer *write, size_t which)
{
    bool is_first = true;

    (void)fputc('[', out);
    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].kind != RECORDING_SAMPLE)
            continue;
        if (!is_first)
            (void)fputc(',', out);
        is_first = false;
        write(out, &recording->entries[i], which);
    }
    (void)fputc(']', out);
}

static void time_write(FILE *out, const struct recording_entry *entry,
                       size_t which)
{
    (void)which;
    (void)fprintf(out, "%.6f", seconds(entry->time_ns));
}

static void figure_write(FILE *out, const struct recording_entry *entry,
                         size_t which)
{
    number(out, entry->sample->figures[which]);
}

static void least_write(FILE *out, const struct recording_entry *entry,
                        size_t which)
{
    number(out, entry->sample->least[which]);
}

static void most_write(FILE *out, const struct recording_entry *entry,
                       size_t which)
{
    number(out, entry->sample->most[which]);
}

static void verdict_write(FILE *out, const struct recording_entry *entry,
                          size_t which)
{
    const char *name = reader_verdict_name(entry->sample->verdict);

    (void)which;
    if (name)
        json_text(out, name);
    else
        (void)fputs("null", out);
}

static void dead_write(FILE *out, const struct recording_entry *entry,
                       size_t which)
{
    (void)which;
    (void)fputc(entry->sample->is_dead ? '1' : '0', out);
}

static bool is_ever_known(const struct recording *recording, size_t figure)
{
    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind == RECORDING_SAMPLE &&
            entry->sample->figures[figure] != READER_UNKNOWN)
            return true;
    }
    return false;
}

/* Those that have extremes are there in any case, so that their places are
 * known. */
static void figures_write(FILE *out, const struct recording *recording)
{
    (void)fputs(",\"figures\":[", out);
    for (size_t i = 0; i < figure_count; i++) {
        if (i >= FIGURE_RANGES && !is_ever_known(recording, i))
            continue;
        (void)fprintf(out, "%s{\"name\":\"%s\",\"unit\":\"%s\",\"label\":",
                      i > 0 ? ",\n" : "", figures[i].name,
                      figure_unit_name(figures[i].unit));
        json_text(out, figures[i].label);
        (void)fputs(",\"values\":", out);
        samples_list(out, recording, figure_write, i);
        (void)fputc('}', out);
    }
    (void)fputc(']', out);
    for (int least = 0; least < 2; least++) {
        (void)fprintf(out, ",\n\"%s\":[", least ? "least" : "most");
        for (size_t i = 0; i < FIGURE_RANGES; i++) {
            if (i > 0)
                (void)fputc(',', out);
            samples_list(out, recording, least ? least_write : most_write, i);
        }
        (void)fputc(']', out);
    }
}

/* Which samples are the first of a program. */
static void programs_write(FILE *out, const struct recording *recording)
{
    size_t sample = 0;
    bool is_first = true;

    (void)fputs(",\n\"programs\":[", out);
    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];

        if (entry->kind != RECORDING_PROCESS)
            continue;
        (void)fprintf(out, "%s{\"time_s\":%.6f,\"comm\":", is_first ? "" : ",",
                      seconds(entry->time_ns));
        json_text(out, entry->process->comm);
        (void)fputs(",\"command\":", out);
        json_text(out, entry->process->command);
        (void)fputc('}', out);
        is_first = false;
    }
    (void)fputs("],\"begins\":[0", out);
    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].kind == RECORDING_PROCESS && sample > 0)
            (void)fprintf(out, ",%zu", sample);
        sample += recording->entries[i].kind == RECORDING_SAMPLE;
    }
    (void)fputc(']', out);
}

static void event_write(FILE *out, const struct recording_entry *entry)
{
    const struct recording_gc *gc = entry->gc;

    (void)fprintf(out, "{\"time_s\":%.6f,\"generation\":%" PRIu32,
                  seconds(entry->time_ns), gc->event.generation);
    (void)fprintf(out,
                  ",\"pause_ns\":%" PRIu64 ",\"used_before\":%" PRIu64
                  ",\"used_after\":%" PRIu64 ",\"collections\":%" PRIu64
                  ",\"freed_bytes_sum\":%" PRIu64 ",\"asked_by\":\"%s\"}",
                  gc->event.pause_ns, gc->event.used_before,
                  gc->event.used_after, gc->collections, gc->freed_bytes_sum,
                  gc_asker(&gc->event));
}

static void events_write(FILE *out, const struct recording *recording)
{
    bool is_first = true;

    (void)fputs(",\n\"events\":[", out);
    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].kind != RECORDING_GC)
            continue;
        if (!is_first)
            (void)fputc(',', out);
        is_first = false;
        event_write(out, &recording->entries[i]);
    }
    (void)fputc(']', out);
}

static void verdicts_write(FILE *out, const struct recording *recording)
{
    size_t count = 0;
    struct verdict_run *runs = verdict_runs(recording, 0, &count);

    (void)fputs(",\n\"verdicts\":[", out);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(
            out, "%s{\"begin_s\":%.6f,\"end_s\":%.6f,\"verdict\":\"%s\"}",
            i > 0 ? "," : "", seconds(runs[i].begin_ns),
            seconds(runs[i].end_ns), reader_verdict_name(runs[i].verdict));
    (void)fputc(']', out);
    free(runs);
}

/* One layer over time; that behind the last size is of all others. */
static void layer_write(FILE *out, const struct recording *recording,
                        const struct stack_layers *layers, size_t layer,
                        stack_measure *measure)
{
    bool is_first = true;

    (void)fputc('[', out);
    for (size_t i = 0; i < recording->count; i++) {
        const struct recording_entry *entry = &recording->entries[i];
        uint64_t bytes[STACK_TOP_MAX + 1];

        if (entry->kind != RECORDING_CLASSES)
            continue;
        stack_layers_of(layers, entry->classes, measure, bytes);
        (void)fprintf(out, "%s%" PRIu64, is_first ? "" : ",", bytes[layer]);
        is_first = false;
    }
    (void)fputc(']', out);
}

static void layers_write(FILE *out, const struct recording *recording,
                         const struct stack_layers *layers, const char *name,
                         stack_measure *measure)
{
    (void)fprintf(out, ",\"%s\":[", name);
    for (size_t i = 0; i <= layers->count; i++) {
        if (i > 0)
            (void)fputc(',', out);
        layer_write(out, recording, layers, i, measure);
    }
    (void)fputc(']', out);
}

static void classes_write(FILE *out, const struct recording *recording,
                          size_t top)
{
    struct stack_layers layers;
    bool is_first = true;

    layers.count = stack_sizes(recording, top, layers.sizes);
    (void)fputs(",\n\"classes\":{\"time\":[", out);
    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].kind != RECORDING_CLASSES)
            continue;
        (void)fprintf(out, "%s%.6f", is_first ? "" : ",",
                      seconds(recording->entries[i].time_ns));
        is_first = false;
    }
    (void)fputs("],\"sizes\":[", out);
    for (size_t i = 0; i < layers.count; i++)
        (void)fprintf(out, "%s%" PRIu64, i > 0 ? "," : "", layers.sizes[i]);
    (void)fputc(']', out);
    layers_write(out, recording, &layers, "used", class_used_bytes);
    layers_write(out, recording, &layers, "room", stack_room);
    (void)fputc('}', out);
}

static void recording_write(const struct page *page,
                            const struct recording *recording)
{
    FILE *out = page->out;

    (void)fprintf(out, "{\"length_s\":%.6f,\"time\":",
                  seconds(recording_length_ns(recording)));
    samples_list(out, recording, time_write, 0);
    figures_write(out, recording);
    (void)fputs(",\n\"verdict\":", out);
    samples_list(out, recording, verdict_write, 0);
    (void)fputs(",\n\"dead\":", out);
    samples_list(out, recording, dead_write, 0);
    programs_write(out, recording);
    events_write(out, recording);
    verdicts_write(out, recording);
    classes_write(out, recording, page->top);
    (void)fputc('}', out);
}

static void data_write(const struct page *page)
{
    (void)fputs("{\"recordings\":[", page->out);
    for (size_t i = 0; i < page->count; i++) {
        if (i > 0)
            (void)fputc(',', page->out);
        recording_write(page, page->recordings[i]);
    }
    (void)fputs("]}", page->out);
}

/* -------------------------------------------------------------- sentences */

static void peak_tell(FILE *out, const struct recording *recording,
                      enum figure_id id, const char *what)
{
    const struct recording_entry *peak = story_peak(recording, id);
    char size[SIZE_BYTES];
    char when[AGE_BYTES];

    if (peak)
        (void)fprintf(out, "%s %s, %s from the beginning. ", what,
                      size_format(size, peak->sample->most[id]),
                      age_format(when, peak->time_ns / NS_PER_MS));
}

static void last_tell(FILE *out, const struct recording *recording)
{
    const struct recording_sample *last =
        recording_last(recording, RECORDING_SAMPLE)->sample;
    char used[SIZE_BYTES];
    char allocated[SIZE_BYTES];

    (void)fprintf(out, "At the end %s of %s allocated were in use. ",
                  size_format(used, last->figures[FIGURE_USED]),
                  size_format(allocated, last->figures[FIGURE_ALLOCATED]));
    if (last->verdict == READER_VERDICT_UNKNOWN)
        return;
    (void)fprintf(out, "The verdict was then: %s",
                  reader_verdict_name(last->verdict));
    if (last->evidence) {
        (void)fputs("; ", out);
        html_text(out, last->evidence);
    }
    (void)fputs(". ", out);
}

static void collections_tell(FILE *out, const struct recording *recording)
{
    struct story_gc gc = story_gc(recording);
    char count[COUNT_BYTES];
    char freed[SIZE_BYTES];
    char longest[AGE_BYTES];
    char pauses[AGE_BYTES];

    if (gc.collections == 0)
        return;
    (void)fprintf(
        out,
        "%s garbage collection%s freed %s; the program stood still "
        "for %s in all, and for %s the longest time.",
        count_format(count, gc.collections), gc.collections == 1 ? "" : "s",
        size_format(freed, gc.freed_bytes), pause_format(pauses, gc.pause_ns),
        pause_format(longest, gc.pause_ns_most));
}

static void letter_write(const struct page *page, size_t of)
{
    if (page->count > 1)
        (void)fprintf(page->out, "<span class=\"letter\">%c</span> ",
                      of == 0 ? 'A' : 'B');
}

static void summary_write(const struct page *page)
{
    char title[STORY_TITLE_BYTES];
    char line[STORY_LINE_BYTES];

    for (size_t i = 0; i < page->count; i++) {
        const struct recording *recording = page->recordings[i];

        story_title(title, recording, TITLE_MOST);
        story_line(line, recording);
        (void)fputs("<h1>", page->out);
        letter_write(page, i);
        html_text(page->out, title);
        (void)fputs("</h1>\n<p class=\"when\">", page->out);
        html_text(page->out, line);
        (void)fputs("</p>\n<p>", page->out);
        peak_tell(page->out, recording, FIGURE_USED, "Used was at most");
        peak_tell(page->out, recording, FIGURE_ALLOCATED,
                  "Allocated was at most");
        last_tell(page->out, recording);
        collections_tell(page->out, recording);
        (void)fputs("</p>\n", page->out);
    }
}

/* ------------------------------------------------------------------ table */

static void row_write(FILE *out, const struct recording_entry *entry)
{
    const struct recording_gc *gc = entry->gc;
    char text[COUNT_BYTES];
    char size[SIZE_BYTES];
    char pause[AGE_BYTES];

    (void)fprintf(out, "<tr><td>%.3f s</td><td>%" PRIu32 "</td><td>%s</td>",
                  seconds(entry->time_ns), gc->event.generation,
                  count_format(text, gc->collections));
    (void)fprintf(out, "<td>%s</td>", size_format(size, gc->freed_bytes_sum));
    (void)fprintf(out, "<td>%s</td>", size_format(size, gc->event.used_before));
    (void)fprintf(out, "<td>%s</td>", size_format(size, gc->event.used_after));
    (void)fprintf(out, "<td>%s</td><td>%s</td>",
                  count_format(text, gc->event.objects),
                  pause_format(pause, gc->event.pause_ns));
    (void)fprintf(out, "<td>%s</td></tr>\n", gc_asker(&gc->event));
}

static void table_write(const struct page *page, size_t of)
{
    const struct recording *recording = page->recordings[of];
    size_t count = recording_count(recording, RECORDING_GC);
    size_t passed = count > ROWS_MOST ? count - ROWS_MOST : 0;
    size_t seen = 0;
    FILE *out = page->out;

    if (count == 0)
        return;
    (void)fputs("<h2>", out);
    letter_write(page, of);
    (void)fputs("Collections</h2>\n", out);
    if (passed > 0)
        (void)fprintf(out, "<p class=\"hint\">The last %d of %zu.</p>\n",
                      ROWS_MOST, count);
    (void)fputs("<div class=\"scroll\" tabindex=\"0\"><table>\n<thead><tr>"
                "<th scope=\"col\">when</th><th scope=\"col\">generation</th>"
                "<th scope=\"col\">collections</th><th scope=\"col\">freed</th>"
                "<th scope=\"col\">used before</th>"
                "<th scope=\"col\">used after</th>"
                "<th scope=\"col\">objects</th><th scope=\"col\">pause</th>"
                "<th scope=\"col\">asked by</th></tr></thead>\n<tbody>\n",
                out);
    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].kind == RECORDING_GC && seen++ >= passed)
            row_write(out, &recording->entries[i]);
    }
    (void)fputs("</tbody></table></div>\n", out);
}

/* ------------------------------------------------------------------- page */

static void title_write(const struct page *page)
{
    char title[STORY_TITLE_BYTES];

    for (size_t i = 0; i < page->count; i++) {
        story_title(title, page->recordings[i], TITLE_MOST);
        if (i > 0)
            (void)fputs(" and ", page->out);
        html_text(page->out, title);
    }
    (void)fputs(" - gcshim", page->out);
}

static void style_write(const struct page *page)
{
    (void)fputs(page_css, page->out);
}

static void script_write(const struct page *page)
{
    (void)fputs(page_js, page->out);
}

static void tables_write(const struct page *page)
{
    for (size_t i = 0; i < page->count; i++)
        table_write(page, i);
}

/* What stands in the frame for what is filled in. */
static const struct filling {
    const char *name;
    void (*write)(const struct page *page);
} fillings[] = {
    {"{{TITLE}}", title_write},     {"{{STYLE}}", style_write},
    {"{{SUMMARY}}", summary_write}, {"{{COLLECTIONS}}", tables_write},
    {"{{DATA}}", data_write},       {"{{SCRIPT}}", script_write},
};

int page_print(FILE *out, const struct recording *const recordings[],
               size_t count, size_t top)
{
    struct page page = {
        .out = out, .recordings = recordings, .count = count, .top = top};
    const char *rest = page_html;

    for (size_t i = 0; i < sizeof(fillings) / sizeof(fillings[0]); i++) {
        const char *place = strstr(rest, fillings[i].name);

        (void)fwrite(rest, 1, (size_t)(place - rest), out);
        fillings[i].write(&page);
        rest = place + strlen(fillings[i].name);
    }
    (void)fputs(rest, out);
    return ferror(out) ? -EIO : 0;
}
