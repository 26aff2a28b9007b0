/* The tables about one process: its threads, its size classes, its huge
 * blocks, its call sites, its collections.  Each is a list of fields; to add one, add its row. */
#include "top/view.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/classes.h"
#include "common/gc.h"
#include "common/size.h"
#include "reader/text.h"
#include "sites/text.h"

enum { FIELD_BYTES = 64, FILL_CELLS = 10 };

struct field {
    const char *title;
    int width;
    int from; /* shown in windows of at least so many columns */
    bool left;
    /* Of the index-th line of the panel's list. */
    void (*format)(char text[FIELD_BYTES], const struct model *model,
                   size_t index);
};

struct view_table {
    enum model_panel panel;
    const struct field *fields;
    size_t field_count;
    const char *empty; /* what is said where there is no line */
    enum canvas_attr (*attr)(const struct model *model, size_t index);
    /* A line below the last, of what is not listed; 0: there is none. */
    uint64_t (*unlisted)(const struct reader_process *process);
    const char *unlisted_text;
};

/* A field that shows a figure of a line. */
#define FIELD(name, format_function, value)                            \
    static void format_##name(char text[FIELD_BYTES],                  \
                              const struct model *model, size_t index) \
    {                                                                  \
        format_function(text, value);                                  \
    }

static_assert((int)FIELD_BYTES >= (int)COUNT_BYTES &&
                  (int)FIELD_BYTES >= (int)AGE_BYTES,
              "a field has room for each format");

static void id_format(char text[FIELD_BYTES], uint64_t id)
{
    (void)snprintf(text, FIELD_BYTES, "%" PRIu64, id);
}

static void name_format(char text[FIELD_BYTES], const char *name)
{
    (void)snprintf(text, FIELD_BYTES, "%s", name);
    text_clean(text); /* it may have been cut within a character */
}

/* -------------------------------------------------------------- threads */

static const struct row *row_at(const struct model *model, size_t index)
{
    return &model->panels[PANEL_THREADS].rows[index];
}

static const struct reader_thread *thread_at(const struct model *model,
                                             size_t index)
{
    return row_at(model, index)->thread;
}

/* Of the last census; unknown where there was none. */
#define COUNTED(figure)                                       \
    (thread_at(model, index)->census.age_ms == READER_UNKNOWN \
         ? READER_UNKNOWN                                     \
         : thread_at(model, index)->census.figure)

static void format_state(char text[FIELD_BYTES], const struct model *model,
                         size_t index)
{
    text[0] = thread_at(model, index)->state;
    text[1] = '\0';
}

FIELD(tid, id_format, thread_at(model, index)->tid)
FIELD(name, name_format, thread_at(model, index)->name)
FIELD(owned, size_format, COUNTED(used_bytes))
FIELD(full_bytes, size_format, COUNTED(full_page_bytes))
FIELD(pages, count_format, COUNTED(pages))
FIELD(full_pages, count_format, COUNTED(full_pages))
FIELD(huge_blocks, count_format, COUNTED(huge_blocks))
FIELD(counted, age_format, thread_at(model, index)->census.age_ms)
FIELD(total, size_format, thread_at(model, index)->totals.allocated_bytes)
FIELD(freed, size_format, thread_at(model, index)->totals.freed_bytes)
FIELD(blocks, count_format, thread_at(model, index)->totals.allocated_blocks)
FIELD(rate, size_format, row_at(model, index)->rate_bytes)

static enum canvas_attr thread_attr(const struct model *model, size_t index)
{
    return thread_at(model, index)->state == 'X' ? ATTR_DIM : ATTR_NORMAL;
}

static uint64_t dropped(const struct reader_process *process)
{
    return process->dropped;
}

static const struct field thread_fields[] = {
    {"TID", 7, 0, false, format_tid},
    {"S", 1, 0, true, format_state},
    {"NAME", READER_COMM_BYTES - 1, 0, true, format_name},
    {"TOTAL", SIZE_COLUMNS, 0, false, format_total},
    {"FREED", SIZE_COLUMNS, 100, false, format_freed},
    {"BLOCKS", 13, 132, false, format_blocks},
    {"RATE/s", SIZE_COLUMNS, 0, false, format_rate},
    {"OWNED", SIZE_COLUMNS, 0, false, format_owned},
    {"IN FULL", SIZE_COLUMNS, 0, false, format_full_bytes},
    {"PAGES", 9, 0, false, format_pages},
    {"FULL", 9, 110, false, format_full_pages},
    {"HUGE", 7, 140, false, format_huge_blocks},
    {"COUNTED", 11, 120, false, format_counted},
};

/* --------------------------------------------------------- size classes */

static const struct reader_class *class_at(const struct model *model,
                                           size_t index)
{
    return &model->classes[index];
}

static void format_fill(char text[FIELD_BYTES], const struct model *model,
                        size_t index)
{
    (void)snprintf(text, FIELD_BYTES, "%u%%",
                   class_fill(class_at(model, index)) / 10);
}

static void format_fill_bar(char text[FIELD_BYTES], const struct model *model,
                            size_t index)
{
    unsigned cells =
        (class_fill(class_at(model, index)) * FILL_CELLS + 500) / 1000;

    memset(text, '|', cells);
    memset(text + cells, '.', FILL_CELLS - cells);
    text[FILL_CELLS] = '\0';
}

FIELD(block, size_format, class_at(model, index)->block_bytes)
FIELD(class_pages, count_format, class_at(model, index)->pages)
FIELD(class_full, count_format, class_at(model, index)->full_pages)
FIELD(class_empty, count_format, class_at(model, index)->empty_pages)
FIELD(class_used, count_format, class_at(model, index)->used_blocks)
FIELD(class_cut, count_format, class_at(model, index)->capacity_blocks)
FIELD(class_bytes, size_format, class_used_bytes(class_at(model, index)))
FIELD(class_free, size_format, class_free_bytes(class_at(model, index)))

static const struct field class_fields[] = {
    {"BLOCK", SIZE_COLUMNS, 0, false, format_block},
    {"PAGES", 9, 0, false, format_class_pages},
    {"FULL", 9, 0, false, format_class_full},
    {"EMPTY", 8, 0, false, format_class_empty},
    {"BLOCKS USED", 13, 0, false, format_class_used},
    {"OF", 13, 110, false, format_class_cut},
    {"USED", SIZE_COLUMNS, 110, false, format_class_bytes},
    {"FREE", SIZE_COLUMNS, 0, false, format_class_free},
    {"FILL", 5, 0, false, format_fill},
    {"", FILL_CELLS, 79, true, format_fill_bar},
};

/* ---------------------------------------------------------- huge blocks */

static const struct reader_huge *huge_at(const struct model *model,
                                         size_t index)
{
    return &model->shown.process->huge[index];
}

static void format_address(char text[FIELD_BYTES], const struct model *model,
                           size_t index)
{
    (void)snprintf(text, FIELD_BYTES, "%#" PRIx64,
                   huge_at(model, index)->address);
}

static void format_huge_share(char text[FIELD_BYTES], const struct model *model,
                              size_t index)
{
    const struct reader_process *process = model->shown.process;

    (void)snprintf(
        text, FIELD_BYTES, "%u%%",
        size_permille(huge_at(model, index)->bytes, process->used_bytes) / 10);
}

/* Of who asked for it, if that thread lives. */
static const char *owner_name(const struct model *model, size_t index)
{
    const struct reader_process *process = model->shown.process;

    for (size_t i = 0; i < process->thread_count; i++) {
        if (process->threads[i].tid == huge_at(model, index)->tid)
            return process->threads[i].name;
    }
    return "";
}

FIELD(huge_size, size_format, huge_at(model, index)->bytes)
FIELD(huge_age, age_format, huge_at(model, index)->age_ms)
FIELD(huge_tid, id_format, huge_at(model, index)->tid)
FIELD(huge_name, name_format, owner_name(model, index))

static uint64_t huge_unlisted(const struct reader_process *process)
{
    return process->huge_unlisted == READER_UNKNOWN ? 0
                                                    : process->huge_unlisted;
}

static const struct field huge_fields[] = {
    {"ADDRESS", 18, 0, false, format_address},
    {"SIZE", SIZE_COLUMNS, 0, false, format_huge_size},
    {"OF USED", 7, 0, false, format_huge_share},
    {"AGE", 13, 0, false, format_huge_age},
    {"TID", 7, 0, false, format_huge_tid},
    {"NAME", READER_COMM_BYTES - 1, 0, true, format_huge_name},
};

/* ----------------------------------------------------------- call sites */

static const struct sites_entry *entry_at(const struct model *model,
                                          size_t index)
{
    return &model->sites->entries[index];
}

static const struct reader_site *site_at(const struct model *model,
                                         size_t index)
{
    return entry_at(model, index)->site;
}

static void format_site_range(char text[FIELD_BYTES], const struct model *model,
                              size_t index)
{
    char range[SITES_TEXT_BYTES];

    name_format(
        text, sites_range_text(range, site_at(model, index)->live_bytes,
                               (double)model->sites->profile.most_mean_bytes));
}

FIELD(site, id_format, site_at(model, index)->number)
FIELD(site_live, sites_size, site_at(model, index)->live_bytes.value)
FIELD(site_blocks, sites_count, site_at(model, index)->live_blocks.value)
FIELD(site_total, sites_size, site_at(model, index)->total_bytes.value)
FIELD(site_age, age_format, site_at(model, index)->oldest_ms)
FIELD(site_name, name_format, sites_entry_name(entry_at(model, index)))

static const struct field site_fields[] = {
    {"SITE", 5, 0, false, format_site},
    {"IN USE", SIZE_COLUMNS, 0, false, format_site_live},
    {"95 OF 100 WITHIN", 2 * SIZE_COLUMNS + 4, 100, true, format_site_range},
    {"BLOCKS", 11, 120, false, format_site_blocks},
    {"TOTAL", SIZE_COLUMNS, 0, false, format_site_total},
    {"OLDEST", 13, 0, false, format_site_age},
    {"INNERMOST FUNCTION", 38, 0, true, format_site_name},
};

/* ---------------------------------------------------------- collections */

/* The latest first. */
static const struct reader_gc_event *event_at(const struct model *model,
                                              size_t index)
{
    const struct reader_gc *gc = &model->shown.process->gc;

    return &gc->events[gc->event_count - 1 - index];
}

FIELD(event_age, age_format, event_at(model, index)->age_ms)
FIELD(generation, id_format, event_at(model, index)->generation)
FIELD(pause, pause_format, event_at(model, index)->pause_ns)
FIELD(before, size_format, event_at(model, index)->used_before)
FIELD(after, size_format, event_at(model, index)->used_after)
FIELD(gain, size_format, gc_freed(event_at(model, index)))
FIELD(objects, count_format, event_at(model, index)->objects)
FIELD(asker, name_format, gc_asker(event_at(model, index)))
FIELD(event_tid, id_format, event_at(model, index)->tid)

static const struct field event_fields[] = {
    {"AGO", 12, 0, false, format_event_age},
    {"GEN", 3, 0, false, format_generation},
    {"PAUSE", 9, 0, false, format_pause},
    {"BEFORE", SIZE_COLUMNS, 0, false, format_before},
    {"AFTER", SIZE_COLUMNS, 0, false, format_after},
    {"FREED", SIZE_COLUMNS, 0, false, format_gain},
    {"OBJECTS", 12, 0, false, format_objects},
    {"ASKED BY", 8, 0, true, format_asker},
    {"TID", 7, 100, false, format_event_tid},
};

/* --------------------------------------------------------------- tables */

#define FIELDS(array) array, sizeof(array) / sizeof((array)[0])

const struct view_table view_threads = {PANEL_THREADS,
                                        FIELDS(thread_fields),
                                        "No thread has an account of its own.",
                                        thread_attr,
                                        dropped,
                                        "have no account of their own"};

const struct view_table view_classes = {PANEL_CLASSES,
                                        FIELDS(class_fields),
                                        "No thread has counted its pages yet.",
                                        NULL,
                                        NULL,
                                        NULL};

const struct view_table view_huge = {
    PANEL_HUGE, FIELDS(huge_fields), "No block above 128 KiB is in use.",
    NULL,       huge_unlisted,       "had no room in the list"};

const struct view_table view_sites = {
    PANEL_SITES,
    FIELDS(site_fields),
    "No sample of a call stack lives (gcshim-ctl PID profile on).",
    NULL,
    NULL,
    NULL};

const struct view_table view_collections = {
    PANEL_GC, FIELDS(event_fields), "There was no collection yet.", NULL, NULL,
    NULL};

static void cell_draw(struct canvas *canvas, int row, int col,
                      const struct field *field, enum canvas_attr attr,
                      const char *text)
{
    if (field->left)
        canvas_put(canvas, row, col, field->width, attr, text);
    else
        canvas_put_right(canvas, row, col, field->width, attr, text);
}

/* A line of the list, or with line NULL the titles. */
static void line_draw(const struct view_table *table, const struct model *model,
                      struct canvas *canvas, int row, const size_t *line)
{
    enum canvas_attr attr =
        line && table->attr ? table->attr(model, *line) : ATTR_NORMAL;
    char text[FIELD_BYTES];
    int col = 0;

    for (size_t i = 0; i < table->field_count; i++) {
        const struct field *field = &table->fields[i];

        if (canvas->cols < field->from)
            continue;
        name_format(text, field->title);
        if (line)
            field->format(text, model, *line);
        cell_draw(canvas, row, col, field, attr, text);
        col += field->width + 1;
    }
}

static void rest_draw(const struct view_table *table, const struct model *model,
                      struct canvas *canvas, int row)
{
    uint64_t count =
        table->unlisted ? table->unlisted(model->shown.process) : 0;
    char text[COUNT_BYTES];

    if (count > 0)
        canvas_print(canvas, row, 0, ATTR_WARNING, "and %s more, which %s",
                     count_format(text, count), table->unlisted_text);
}

void view_table_draw(const struct view_table *table, const struct model *model,
                     struct canvas *canvas, int top)
{
    const struct list *list = &model->panels[table->panel];
    int rows = canvas->rows - top - VIEW_ROWS_OF_TITLES - VIEW_ROWS_BELOW;
    size_t page = rows > 0 ? (size_t)rows : 0;
    size_t shown = 0;

    line_draw(table, model, canvas, top, NULL);
    canvas_row(canvas, top, ATTR_TITLE);
    for (; shown < page && list->first + shown < list->count; shown++) {
        size_t line = list->first + shown;
        int row = top + 1 + (int)shown;

        line_draw(table, model, canvas, row, &line);
        canvas_key(canvas, row, 0, canvas->cols, KEY_ROW + (uint32_t)shown);
        if (line == list->selected)
            canvas_row(canvas, row, ATTR_SELECTED);
    }
    if (list->count == 0)
        canvas_put(canvas, top + 2, 2, canvas->cols, ATTR_NORMAL, table->empty);
    if (list->first + shown >= list->count && shown < page)
        rest_draw(table, model, canvas, top + 1 + (int)shown);
}
