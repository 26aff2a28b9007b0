/* The censuses: what the threads' heaps consist of, as they counted it. */
#ifndef GCSHIM_READER_CENSUS_H
#define GCSHIM_READER_CENSUS_H

#include "reader/slots.h"

/* A difference of sums of 64-bit counters. */
__extension__ typedef __int128 census_change;

/* All threads that live, together. */
struct censuses {
    /* Of those that have been counted; the age is the oldest's, UNKNOWN if
     * there is none. */
    struct reader_census sum;
    uint64_t counted_threads;
    uint64_t uncounted_threads;
    uint64_t uncounted_bytes; /* that these have allocated and freed */
    /* Allocated less freed since each thread's census, or where it has none
     * since it claimed its slot; less what was cached at that census, which
     * counts as used in the pages that hold it. */
    census_change grown_bytes;
    struct reader_class *classes; /* sorted by block size */
    size_t class_count;
};

/* Reads the census of each owner into ret_each, which has owner_count
 * elements.  Release with censuses_fini. */
int censuses_read(const struct segment *segment, struct recall *recall,
                  const struct slots *slots, struct reader_census *ret_each,
                  struct censuses *ret_censuses,
                  char ret_reason[READER_REASON_BYTES]);
void censuses_fini(struct censuses *censuses);

#endif
