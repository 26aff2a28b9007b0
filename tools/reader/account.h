/* All figures of one segment, copied while its owner goes on changing them. */
#ifndef GCSHIM_READER_ACCOUNT_H
#define GCSHIM_READER_ACCOUNT_H

#include "reader/census.h"
#include "reader/ranges.h"
#include "reader/segment.h"

struct account {
    struct gcshim_header header; /* as of now; each word good by itself */
    struct reader_totals totals; /* freed <= allocated, always */
    uint64_t used_bytes;         /* allocated - freed */
    uint64_t cached_bytes;       /* in the threads' caches */
    uint64_t dropped_threads;    /* those in restless slots too */

    /* Sorted by tid; name and state not filled in. */
    struct reader_thread *threads;
    size_t thread_count;
    struct censuses censuses;

    bool has_huge; /* there is a list, if only an empty one */
    struct reader_huge *huge;
    size_t huge_count;

    struct reader_point *history;
    size_t history_count;

    struct reader_gc gc;

    struct reader_range *ranges;
    size_t range_count;
};

/* A thread whose slot does not hold still is left out, and counted as dropped.
 * Release with account_fini. */
int account_read(const struct segment *segment, struct account *ret_account,
                 char ret_reason[READER_REASON_BYTES]);

/* The same of a segment that was read before, with what is kept of that; and
 * keeps what there is now. */
int account_read_again(const struct segment *segment, struct recall *recall,
                       struct account *ret_account,
                       char ret_reason[READER_REASON_BYTES]);
void account_fini(struct account *account);

#endif
