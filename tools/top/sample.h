/* Figures of one moment, kept to be compared with those of a later one: the
 * last refresh, for rates, and the baseline that the user has set. */
#ifndef GCSHIM_TOP_SAMPLE_H
#define GCSHIM_TOP_SAMPLE_H

#include "reader/reader.h"

struct sample {
    /* Which process or thread; created_ns tells apart two processes that
     * were given the same pid, tid is 0 for the process itself. */
    uint32_t pid;
    uint32_t tid;
    uint64_t created_ns;

    uint64_t used_bytes; /* of a process; 0 of a thread */
    uint64_t allocated_bytes;
};

struct samples {
    struct sample *entries; /* sorted */
    size_t count;
    uint64_t time_ns; /* 0: nothing was taken */
};

/* Keeps the figures of a survey: 0 or -ENOMEM.  Release with samples_fini. */
int samples_init(struct samples *ret_samples,
                 const struct reader_survey *survey, uint64_t time_ns);
void samples_fini(struct samples *samples);

/* The same process or, with thread not NULL, thread as of then; NULL if it
 * was not there. */
const struct sample *samples_find(const struct samples *samples,
                                  const struct reader_process *process,
                                  const struct reader_thread *thread);

#endif
