/* Surveys made by a thread of their own, so that no key waits for one: with
 * a thousand processes a survey takes a tenth of a second and more.
 *
 * The thread does nothing else, and shares nothing: a survey that is made
 * belongs to who takes it.  It takes no signals, as its maker has blocked
 * those that it wants for itself. */
#ifndef GCSHIM_TOP_SURVEYOR_H
#define GCSHIM_TOP_SURVEYOR_H

#include <pthread.h>
#include <stdbool.h>

#include "reader/reader.h"

struct surveyor {
    int fd;       /* readable when a survey can be taken, for poll */
    bool is_busy; /* one is under way, or not yet taken: the owner's */

    /* Under the lock. */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wanted;
    bool is_wanted, is_over, is_made;
    struct reader_survey survey;
    int error;
    uint64_t began_ns, ended_ns; /* CLOCK_MONOTONIC */
};

/* What has been made. */
struct surveyor_result {
    struct reader_survey survey; /* the taker's */
    uint64_t began_ns, ended_ns;
};

/* 0 or -errno.  Release with surveyor_fini, which waits for the survey that
 * is under way. */
int surveyor_init(struct surveyor *surveyor);
void surveyor_fini(struct surveyor *surveyor);

/* Has a survey made, unless one is under way. */
void surveyor_ask(struct surveyor *surveyor);

/* Takes what was asked for: -EAGAIN while it is not made, -errno where it
 * has failed. */
int surveyor_take(struct surveyor *surveyor,
                  struct surveyor_result *ret_result);

#endif
