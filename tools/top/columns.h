/* The columns of the process list: one table, a row for each column.  To add
 * one, add its row in columns.c and its name here; the screen, -b, -s and
 * -s help follow. */
#ifndef GCSHIM_TOP_COLUMNS_H
#define GCSHIM_TOP_COLUMNS_H

#include <stdbool.h>

#include "reader/reader.h"

enum { ROW_DEPTH_MAX = 32 };

/* Where a row stands in the tree; all 0 at its root, and where there is
 * none. */
struct row_branch {
    unsigned depth; /* at most ROW_DEPTH_MAX */
    uint64_t lines; /* bit d: at depth d more siblings follow below */
    size_t folded;  /* so many descendants are not shown */
    bool is_parent;
};

/* What a column shows: a process, or one of its threads. */
struct row {
    const struct reader_process *process;
    const struct reader_thread *thread; /* NULL: the process itself */
    int64_t growth_bytes; /* of used, in a second; INT64_MIN: unknown */
    int64_t change_bytes; /* of used, since the baseline; likewise */
    uint64_t rate_bytes;  /* allocated in a second; READER_UNKNOWN */
    /* Of it and its descendants, as far as they live; READER_UNKNOWN. */
    uint64_t family_used_bytes, family_allocated_bytes;
    struct row_branch branch;
};

/* In the order in which they stand from left to right. */
enum column_id {
    COLUMN_PID,
    COLUMN_USER,
    COLUMN_STATE,
    COLUMN_USED,
    COLUMN_PEAK,
    COLUMN_ALLOCATED,
    COLUMN_USE,
    COLUMN_HISTORY,
    COLUMN_FAMILY_USED,
    COLUMN_FAMILY_ALLOCATED,
    COLUMN_RESIDENT,
    COLUMN_RSS,
    COLUMN_VERDICT,
    COLUMN_CHANGE,
    COLUMN_GROWTH,
    COLUMN_RATE,
    COLUMN_TOTAL,
    COLUMN_FREED,
    COLUMN_BLOCKS,
    COLUMN_THREADS,
    COLUMN_NAMESPACE_PID,
    COLUMN_COMMAND,
    COLUMN_COUNT
};

enum { COLUMN_TEXT_BYTES = READER_COMMAND_BYTES + 6 * ROW_DEPTH_MAX };

struct column {
    const char *name;  /* as -s takes it */
    const char *title; /* as it stands above the column */
    int width;
    int priority; /* 1 goes last when the window is narrow */
    bool left;    /* aligned */
    bool rising;  /* sorted from small to large unless inverted */
    const char *help;
    void (*format)(char text[COLUMN_TEXT_BYTES], const struct row *row);
    /* NULL: nothing is sorted by it. */
    int (*compare)(const struct row *a, const struct row *b);
};

extern const struct column columns[COLUMN_COUNT];

/* The column of that name, or COLUMN_COUNT. */
enum column_id column_find(const char *name);

/* Compares two processes in a column's own direction; what is equal there
 * goes by pid, so that rows do not jump about. */
int column_order(enum column_id id, bool inverted, const struct row *a,
                 const struct row *b);

/* What decides on the columns besides the width of the window. */
struct columns_wish {
    bool with_change;    /* since a baseline */
    bool with_family;    /* as in the tree */
    bool with_namespace; /* some process has a pid of its own */
    enum column_id sort; /* is always shown, if it can be */
};

/* Whether it has anything to say. */
bool column_is_wanted(enum column_id id, const struct columns_wish *wish);

/* Which columns a window of that width has room for, and how wide each is:
 * 0 for those that are left out. */
void columns_fit(int width, const struct columns_wish *wish,
                 int ret_widths[COLUMN_COUNT]);

#endif
