/* The verdict: where most of the memory is, with the evidence.
 *
 * Of what is resident, R:
 *
 *     in use          if blocks in use are VERDICT_IN_USE_SHARE of R or more;
 *     else whichever of these is the largest:
 *     unreturned      wholly free pages: trim gives them back
 *     fragmented      free blocks between used ones: nothing gives them back
 *     outside malloc  what no malloc handed out
 *
 * The bill's parts are committed, not resident: mimalloc commits 32 MiB at
 * once and touches them one by one.  So used blocks, then free blocks between
 * them, then overhead take what they need of what is resident in mimalloc's
 * ranges, and unreturned is what is left of it.
 *
 * Of a dead process nothing is resident: the same rule over the bill, in which
 * unreturned is less by what may have been committed and never touched:
 * VERDICT_UNTOUCHED_BYTES, and VERDICT_UNTOUCHED_THREAD_BYTES for each thread.
 *
 * A thread without a census may hold free blocks between used ones too: as much
 * as it has ever freed, and VERDICT_UNCOUNTED_BYTES.  So much of what would be
 * unreturned is undivided, and so is what other threads have freed and the
 * owner of its pages has not collected.  Where more has gone through malloc
 * since the censuses than unreturned and fragmented are apart, all of both is.
 * If what is undivided is the largest, or nothing is known apart, there is no
 * verdict, but evidence why.  None of these doubts can be larger than the pages
 * that the blocks in use can hold: VERDICT_PINNED_BYTES each.
 *
 * Arithmetic and words alone: reads nothing.
 */
#ifndef GCSHIM_READER_VERDICT_H
#define GCSHIM_READER_VERDICT_H

#include "reader/reader.h"

enum {
    VERDICT_IN_USE_SHARE = 2,   /* one half */
    VERDICT_ORPHANED_SHARE = 4, /* of used: worth a word from a quarter on */
    VERDICT_UNTOUCHED_BYTES = 32 << 20,       /* one of mimalloc's segments */
    VERDICT_UNTOUCHED_THREAD_BYTES = 1 << 20, /* the first part of one */
    VERDICT_UNCOUNTED_BYTES = 64 << 10, /* what a thread touches at once */
    VERDICT_PINNED_BYTES = 512 << 10, /* the most that one block's page holds */
};

/* Sets verdict and evidence from the other figures. */
void verdict_give(struct reader_process *process);

#endif
