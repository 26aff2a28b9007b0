/* Which key does what: one table, which the help page shows too. */
#ifndef GCSHIM_TOP_KEYS_H
#define GCSHIM_TOP_KEYS_H

#include <stddef.h>
#include <stdint.h>

/* A key is the character it gives, or one of these, beyond all of Unicode. */
enum key {
    KEY_CTRL_L = 12,
    KEY_CTRL_U = 21,
    KEY_ESC = 27,
    KEY_RETURN = '\n',
    KEY_SPECIAL = 0x110000,
    KEY_ARROW_UP,
    KEY_ARROW_DOWN,
    KEY_ARROW_LEFT,
    KEY_ARROW_RIGHT,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_FIRST,
    KEY_LAST,
    KEY_ERASE,
    KEY_WHEEL_UP,
    KEY_WHEEL_DOWN,
    KEY_FUNCTION, /* F0; F1 is one more, and so on */
    /* Clicks: on the title of a column, by enum column_id; on a row of the
     * list in its window, from 0 on. */
    KEY_COLUMN = KEY_SPECIAL + 0x100,
    KEY_ROW = KEY_SPECIAL + 0x1000,
};

enum action {
    ACTION_NONE,
    ACTION_QUIT,
    ACTION_HELP,
    ACTION_BACK,
    ACTION_OPEN,
    ACTION_UP,
    ACTION_DOWN,
    ACTION_PAGE_UP,
    ACTION_PAGE_DOWN,
    ACTION_FIRST,
    ACTION_LAST,
    ACTION_SORT_BEFORE,
    ACTION_SORT_NEXT,
    ACTION_SORT_CHOOSE,
    ACTION_INVERT,
    ACTION_SORT_RATE,
    ACTION_SORT_USED,
    ACTION_SORT_TOTAL,
    ACTION_SORT_PID,
    ACTION_SEARCH,
    ACTION_SEARCH_NEXT,
    ACTION_FILTER,
    ACTION_THREADS,
    ACTION_TREE,
    ACTION_FOLD,
    ACTION_LEFT,
    ACTION_RIGHT,
    ACTION_PAUSE,
    ACTION_BASELINE,
    ACTION_TRIM,
    ACTION_PANEL_1, /* and on, one for each of the panels, in their order */
    ACTION_PANEL_2,
    ACTION_PANEL_3,
    ACTION_PANEL_4,
    ACTION_PANEL_5,
    ACTION_PANEL_6,
    ACTION_SLOWER,
    ACTION_FASTER,
    ACTION_REDRAW,
};

struct key_binding {
    uint32_t keys[3]; /* 0: none */
    enum action action;
    const char *label; /* as the help page names the keys */
    const char *help;
};

extern const struct key_binding key_bindings[];
extern const size_t key_binding_count;

enum action key_action(uint32_t key);

#endif
