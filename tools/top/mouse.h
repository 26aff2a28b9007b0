/* A click as the keys that it stands for: what is drawn there says which. */
#ifndef GCSHIM_TOP_MOUSE_H
#define GCSHIM_TOP_MOUSE_H

#include "top/canvas.h"
#include "top/keys.h"

enum { MOUSE_DOUBLE_MS = 400 };

/* The last click; all 0 before the first. */
struct mouse {
    int row, col;
    uint64_t time_ns;
};

/* The key that a click on the canvas stands for, or 0.  The second click on a
 * row of a list, soon after the first, is KEY_RETURN: it opens what the first
 * one has selected, wherever that stands by now. */
uint32_t mouse_key(struct mouse *mouse, const struct canvas *canvas, int row,
                   int col, uint64_t time_ns);

#endif
