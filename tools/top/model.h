/* What gcshim-top knows and what the user has asked for.  No terminal here,
 * and no I/O: surveys come in from main, keys from wherever; the views read
 * this and draw. */
#ifndef GCSHIM_TOP_MODEL_H
#define GCSHIM_TOP_MODEL_H

#include <stdbool.h>

#include "common/choice.h"
#include "common/explain.h"
#include "sites/sites.h"
#include "top/columns.h"
#include "top/keys.h"
#include "top/list.h"
#include "top/sample.h"
#include "top/tree.h"

enum model_screen { SCREEN_LIST, SCREEN_DETAIL, SCREEN_HELP, SCREEN_SORT };
enum model_prompt { PROMPT_NONE, PROMPT_SEARCH, PROMPT_FILTER, PROMPT_TRIM };

/* Of the process in detail; its keys in this order. */
enum model_panel {
    PANEL_OVERVIEW,
    PANEL_THREADS,
    PANEL_CLASSES,
    PANEL_HUGE,
    PANEL_SITES,
    PANEL_GC,
    PANEL_COUNT
};

enum {
    MODEL_TEXT_BYTES = 64,
    MODEL_SITES = 200, /* call sites that are shown */
    MODEL_MESSAGE_BYTES = 128,
    MODEL_CLOCK_BYTES = 16,
};

#define MODEL_INTERVAL_LEAST 0.1
#define MODEL_INTERVAL_MOST  3600.0

/* Which process the user wants to give memory back. */
struct model_trim {
    bool is_wanted; /* main does it, and unsets this */
    uint32_t pid;
    uint64_t created_ns;
};

struct model_totals {
    size_t live, dead, threads;
    size_t contained;                     /* in a pid namespace of their own */
    uint64_t used_bytes, allocated_bytes; /* of all that are chosen */
    uint64_t resident_bytes;              /* of the living */
    int64_t growth_bytes;                 /* in a second; INT64_MIN */
};

struct model {
    struct choice choice; /* its pids are the caller's */
    double interval_s;

    /* As of the last refresh. */
    struct reader_survey survey;
    struct samples now, before, baseline;
    struct tree tree;
    struct explanations explained;
    struct model_totals totals;
    char clock[MODEL_CLOCK_BYTES];     /* time of day, as main formats it */
    char message[MODEL_MESSAGE_BYTES]; /* what happened; "" if nothing */
    uint64_t message_until_ns;         /* the first refresh then clears it */

    struct list list; /* processes, with threads if asked for */
    struct row shown; /* the selected process itself; or no process */
    struct list panels[PANEL_COUNT]; /* its lists; rows: threads only */
    struct reader_class *classes;    /* its size classes, in order */
    const struct sites *sites;       /* its call sites, live.c's; or NULL */
    struct list help;                /* lines of the help page; no rows */
    struct list sorts;               /* columns to choose from; no rows */
    size_t page_rows;                /* of the current screen's list */

    enum model_screen screen;
    enum model_screen screen_before; /* the help page */
    enum model_panel panel;
    enum column_id sort;
    bool inverted, show_threads, show_tree, paused, quit, redraw;
    struct folds folds; /* of the tree */

    enum model_prompt prompt;
    char search[MODEL_TEXT_BYTES];
    char filter[MODEL_TEXT_BYTES];
    struct model_trim trim;
};

void model_init(struct model *model, const struct choice *choice);
void model_fini(struct model *model);

/* Takes over a survey of the moment time_ns (any steady clock): 0 or
 * -ENOMEM, and then the model is as it was and the survey the caller's. */
int model_refresh(struct model *model, struct reader_survey *survey,
                  uint64_t time_ns);

/* Does what the key means: 0 or -ENOMEM. */
int model_key(struct model *model, uint32_t key);

/* Tells how many rows the screen has for its list, so that the selected one
 * is among them. */
void model_fit(struct model *model, size_t page_rows);

/* The next process on the screen that reader_process_explain is to be called
 * for, or NULL.  What it has said is kept by model_explained, 0 or -ENOMEM. */
struct reader_process *model_unexplained(const struct model *model,
                                         uint64_t now_ns);
int model_explained(struct model *model, const struct reader_process *process,
                    uint64_t began_ns, uint64_t ended_ns);

/* The call sites of the process in detail, which stay the caller's and must
 * last until the next call; NULL: there are none. */
void model_sites_set(struct model *model, const struct sites *sites);

/* Shows a message in the place of the labels at the bottom until then. */
void model_say(struct model *model, uint64_t until_ns, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The process of that identity in the survey; NULL if it is gone. */
const struct reader_process *model_process(const struct model *model,
                                           uint32_t pid, uint64_t created_ns);

/* The selected row; NULL where there is none. */
const struct row *model_selected(const struct model *model);

/* Which columns there are besides those that always are. */
struct columns_wish model_columns(const struct model *model);

/* The columns that can be sorted by now: returns how many. */
size_t model_sort_columns(const struct model *model,
                          enum column_id ret_ids[COLUMN_COUNT]);

/* Whether the change since some moment is shown. */
bool model_has_baseline(const struct model *model);

/* The text being typed. */
char *model_prompt_text(struct model *model);

/* The list of the current screen. */
struct list *model_list(struct model *model);

/* For act.c: builds the lists anew, the survey being the same: after a change
 * of order or filter, and for another process in detail, whose lists then
 * begin at the first line.  0 or -ENOMEM. */
int model_reorder(struct model *model);
int model_reopen(struct model *model);

#endif
