/* The terminal: the only place that knows ncurses.
 *
 * From term_init to term_fini the terminal is ours; it is given back on every
 * way out, by a signal or a crash too.  One terminal a process, one thread.
 */
#ifndef GCSHIM_TOP_TERM_H
#define GCSHIM_TOP_TERM_H

#include <stdbool.h>
#include <stdint.h>

#include "top/canvas.h"

/* What ended a wait. */
enum term_event {
    TERM_TIMEOUT,
    TERM_KEY,
    TERM_CLICK,  /* of the left button */
    TERM_READY,  /* the descriptor that was given can be read */
    TERM_REDRAW, /* the window has another size, or we are in front again */
    TERM_GONE,   /* the terminal is closed */
    TERM_SIGNAL, /* one that asks us to end: term_fini, then term_end */
};

/* Where something was clicked on. */
struct term_place {
    int row, col;
};

/* NULL, or a sentence that says why there is no terminal to be had.  With
 * mouse, clicks and the wheel are ours too, where the terminal has them. */
const char *term_init(bool mouse);
void term_fini(void);

void term_size(int *ret_rows, int *ret_cols);

/* Shows the canvas; afresh after another program has written there. */
void term_put(const struct canvas *canvas, bool afresh);

/* Waits for what comes first, at most until CLOCK_MONOTONIC is deadline_ns, or
 * until fd can be read. */
enum term_event term_wait(uint64_t deadline_ns, int fd, uint32_t *ret_key,
                          struct term_place *ret_place);

/* Ends by the signal that term_wait has told of, so that whoever waits for
 * us learns of it.  Returns if there was none. */
void term_end(void);

#endif
