/* One process's figures, taken again and again, as entries of a recording. */
#ifndef GCSHIM_RECORD_SAMPLER_H
#define GCSHIM_RECORD_SAMPLER_H

#include "recording/store.h"

enum {
    SAMPLER_CLASSES_EVERY = 10, /* samples, and at least a second */
    /* Mappings are not read again before so many times the time has gone by
     * that it took: the process waits for the kernel meanwhile. */
    SAMPLER_COST_FACTOR = 20,
    /* A peak that was perhaps before the last sample must be higher than what
     * is recorded by one part of so many. */
    SAMPLER_NEWS_SHARE = 8,
};

struct sampler {
    struct store *store;
    uint32_t pid;
    uint64_t began_ns; /* of the recording, CLOCK_BOOTTIME */
    uint64_t interval_ns;
    bool is_from_start; /* the process began after the recording */

    /* The program that it runs now. */
    struct reader_hold *hold; /* NULL: there is no account of it now */
    uint64_t created_ns;      /* of the last one that was held */

    /* What is recorded of it already. */
    uint64_t time_ns; /* CLOCK_BOOTTIME */
    uint64_t used_peak_bytes;
    uint64_t allocated_peak_bytes;
    uint64_t event_ns; /* when the last collection began */
    uint64_t collections;
    uint64_t classes_ns;
    uint64_t explained_ns;
    uint64_t explain_cost_ns;

    /* For whoever watches. */
    uint64_t samples;
    uint64_t used_bytes, allocated_bytes, resident_bytes;
    uint64_t used_most_bytes, allocated_most_bytes;
    uint64_t events;
};

struct sampler sampler_make(struct store *store, uint32_t pid,
                            uint64_t began_ns, uint64_t interval_ns);
void sampler_fini(struct sampler *sampler);

/* Takes one sample, if there is anything to be taken: 0, or -errno where it
 * cannot be written.  hold tells whether there is an account now. */
int sampler_take(struct sampler *sampler);

/* Records what has been read of the program that runs now. */
int sampler_add(struct sampler *sampler, struct reader_process *process);

/* Records what a program has left whose account was not held at its end; one
 * that was is passed over. */
int sampler_add_left(struct sampler *sampler, struct reader_process *process);

/* The last entry: why, and the status of the program or UNKNOWN. */
int sampler_finish(struct sampler *sampler, const char *reason,
                   uint64_t status);

#endif
