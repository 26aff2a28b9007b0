/* A screen as a plain array of cells: the views draw on it, the terminal
 * puts it out, and tests read it. */
#ifndef GCSHIM_TOP_CANVAS_H
#define GCSHIM_TOP_CANVAS_H

#include <stdint.h>

enum canvas_attr {
    ATTR_NORMAL,
    ATTR_BOLD,
    ATTR_DIM,
    ATTR_TITLE,    /* of columns; of the whole row */
    ATTR_SELECTED, /* the whole row */
    ATTR_BAR,      /* the filled part of a bar */
    ATTR_WARNING,
    ATTR_LABEL, /* of a function key, beside its name */
    ATTR_PART,  /* the first of the parts of a whole, each of its own colour */
    ATTR_PART_LAST = ATTR_PART + 5,
    ATTR_COUNT
};

struct cell {
    uint32_t code; /* Unicode; 0: the right half of the cell before */
    enum canvas_attr attr;
    uint32_t key; /* what a click stands for, as in keys.h; 0: nothing */
};

struct canvas {
    int rows, cols;
    struct cell *cells;
};

/* A blank canvas: 0 or -ENOMEM.  Release with canvas_fini. */
int canvas_init(struct canvas *ret_canvas, int rows, int cols);
void canvas_fini(struct canvas *canvas);

/* Writes a text, at most width columns of it and none beyond the edge.  What
 * the locale cannot show is '?'.  Returns the column behind it. */
int canvas_put(struct canvas *canvas, int row, int col, int width,
               enum canvas_attr attr, const char *text);

/* The same, aligned to the right edge of width columns. */
void canvas_put_right(struct canvas *canvas, int row, int col, int width,
                      enum canvas_attr attr, const char *text);

/* The same at the left edge of no width but the canvas's, by a format. */
int canvas_print(struct canvas *canvas, int row, int col, enum canvas_attr attr,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Gives a whole row an attribute, whatever is written there. */
void canvas_row(struct canvas *canvas, int row, enum canvas_attr attr);

/* [||||     ], with filled permille of it filled. */
void canvas_bar(struct canvas *canvas, int row, int col, int width,
                unsigned permille);

/* Says what a click on some columns of a row stands for; and what it is at a
 * place, 0 beyond the canvas too. */
void canvas_key(struct canvas *canvas, int row, int col, int width,
                uint32_t key);
uint32_t canvas_key_at(const struct canvas *canvas, int row, int col);

/* The columns that a text takes on a canvas. */
int canvas_text_width(const char *text);

#endif
