/* A request of the user's that a process give memory back: sent, followed and
 * told of in the model's message line.  The one thing that gcshim-top writes
 * anywhere but to its terminal. */
#ifndef GCSHIM_TOP_TRIM_H
#define GCSHIM_TOP_TRIM_H

#include <stdbool.h>

#include "common/trim.h"
#include "reader/control.h"
#include "top/model.h"

struct trim {
    bool is_open;
    struct control control;
    uint32_t pid;
    uint64_t created_ns;
    struct trim_moment before;
    uint64_t deadline_ns;
};

/* Sends the request that the model wants, if it wants one, and looks how far
 * the last one has come.  Times are the same clock's as model_refresh's.
 * Returns whether one has come to its end, so that figures have changed. */
bool trim_follow(struct trim *trim, struct model *model, uint64_t now_ns);

/* No more following: the process does it all the same. */
void trim_close(struct trim *trim);

#endif
