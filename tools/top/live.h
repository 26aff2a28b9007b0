/* The model on a terminal: surveys and keys go in, what they make of it is
 * drawn. */
#ifndef GCSHIM_TOP_LIVE_H
#define GCSHIM_TOP_LIVE_H

#include "top/model.h"

/* Goes on until the user, a signal or so many refreshes (0: none) end it: 0 or
 * -errno.  Between term_init and term_fini. */
int live_run(struct model *model, uint64_t refreshes);

/* ---- for -b too ---- */

uint64_t live_now_ns(void); /* CLOCK_MONOTONIC */
uint64_t live_interval_ns(const struct model *model);

/* The time of day, of the model's figures. */
void live_clock_set(struct model *model);

/* Reads what is mapped of those processes whose turn it is, until the time is
 * over: the rest has its turn at the next occasion.  0 or -ENOMEM. */
int live_explain(struct model *model, uint64_t time_ns);

#endif
