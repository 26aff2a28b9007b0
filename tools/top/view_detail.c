/* One process: who it is, then one of the panels about it. */
#include "top/view.h"

#include <inttypes.h>
#include <string.h>

#include "common/size.h"
#include "common/users.h"

enum {
    ROW_TABS = 2,
    ROW_PANEL = 4,
    COLS_OF_COUNTS = 100, /* from here on the tabs show counts as well */
};

/* --------------------------------------------------------------- panels */

struct panel {
    char key;
    const char *title;
    const struct view_table *table; /* NULL: it is drawn by what follows */
    void (*draw)(const struct model *model, struct canvas *canvas, int top);
    int (*rows)(const struct model *model, int cols); /* above its list */
};

static const struct panel panels[PANEL_COUNT] = {
    [PANEL_OVERVIEW] = {'1', "Overview", NULL, view_overview_draw, NULL},
    [PANEL_THREADS] = {'2', "Threads", &view_threads, NULL, NULL},
    [PANEL_CLASSES] = {'3', "Size classes", &view_classes, NULL, NULL},
    [PANEL_HUGE] = {'4', "Huge blocks", &view_huge, NULL, NULL},
    [PANEL_SITES] = {'5', "Call sites", &view_sites, NULL, NULL},
    [PANEL_GC] = {'6', "GC", NULL, view_gc_draw, view_gc_rows},
};

int view_detail_rows(const struct model *model, int rows, int cols)
{
    const struct panel *panel = &panels[model->panel];
    int above = panel->rows ? panel->rows(model, cols) : 0;

    return rows - ROW_PANEL - above - VIEW_ROWS_OF_TITLES - VIEW_ROWS_BELOW;
}

static void tabs_draw(const struct model *model, struct canvas *canvas)
{
    bool with_counts = canvas->cols >= COLS_OF_COUNTS;
    int col = 0;

    for (int i = 0; i < PANEL_COUNT; i++) {
        bool is_current = i == (int)model->panel;
        enum canvas_attr attr = is_current ? ATTR_SELECTED : ATTR_NORMAL;
        int first = col;

        col = canvas_print(canvas, ROW_TABS, col, attr, " %c %s ",
                           panels[i].key, panels[i].title);
        /* Call sites are not counted before they are looked at. */
        if (with_counts && i != PANEL_OVERVIEW &&
            (i != PANEL_SITES || model->sites))
            col = canvas_print(canvas, ROW_TABS, col, ATTR_DIM, "(%zu) ",
                               model->panels[i].count);
        canvas_key(canvas, ROW_TABS, first, col - first,
                   (unsigned char)panels[i].key);
        col++;
    }
}

/* -------------------------------------------------------------- heading */

/* In a container a process has two ids, and once dead only its own. */
static int pid_draw(struct canvas *canvas, const struct reader_process *process)
{
    int col =
        canvas_print(canvas, 1, 0, ATTR_NORMAL, "pid %" PRIu32, process->pid);

    if (process->pid_namespace == 0)
        return col;
    if (process->state == READER_DEAD)
        return canvas_print(canvas, 1, col, ATTR_NORMAL, " in its namespace");
    return canvas_print(canvas, 1, col, ATTR_NORMAL,
                        " (%" PRIu32 " in its namespace)",
                        process->namespace_pid);
}

static void heading_draw(const struct model *model, struct canvas *canvas,
                         const struct reader_process *process)
{
    bool dead = process->state == READER_DEAD;
    char age[AGE_BYTES];
    int room = canvas->cols - (int)strlen(model->clock) - 2;

    canvas_put_right(canvas, 0, 0, canvas->cols,
                     model->paused ? ATTR_WARNING : ATTR_NORMAL,
                     model->paused ? "paused" : model->clock);
    canvas_put(canvas, 0, 0, room, ATTR_BOLD,
               *process->command ? process->command : process->comm);
    int col = pid_draw(canvas, process);

    col = canvas_print(canvas, 1, col, ATTR_NORMAL,
                       ", parent %" PRIu32 ", user %s, ", process->parent_pid,
                       users_name(process->uid));
    if (!dead)
        canvas_print(canvas, 1, col, ATTR_NORMAL, "live");
    else
        canvas_print(canvas, 1, col, ATTR_WARNING,
                     "dead: its last figures, of %s ago",
                     age_format(age, process->age_ms));
}

void view_detail_draw(const struct model *model, struct canvas *canvas)
{
    const struct view_table *table = panels[model->panel].table;

    if (!model->shown.process)
        return;
    heading_draw(model, canvas, model->shown.process);
    tabs_draw(model, canvas);
    if (table)
        view_table_draw(table, model, canvas, ROW_PANEL);
    else
        panels[model->panel].draw(model, canvas, ROW_PANEL);
}
