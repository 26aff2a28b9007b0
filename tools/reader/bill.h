/* The bill: where what malloc has from the system is.  Arithmetic alone.
 *
 * With A allocated, U used, and sums over the threads that live:
 *
 *     owned      = sum of (used at the census - cached at the census +
 *                  allocated - freed since)
 *     orphaned   = U - owned, at most what exiting threads ever left
 *     cached     = sum of what the threads' caches hold
 *     fragmented = sum of free blocks at the census, and of the orphans' pages
 *                  what was free in all that was ever left, in proportion
 *     overhead   = what pages hold besides blocks that are cut, likewise; and
 *                  64 KiB of each 32 MiB that mimalloc takes, for its headers
 *     unreturned = what is left of A
 *     uncollected = owned - U, where that is above 0: a page goes on counting
 *                  a block that another thread has freed as used until its
 *                  owner looks
 *
 * A thread that has passed hardly anything through malloc has not counted, and
 * has next to nothing to be counted: where all are such, the sums are 0.
 *
 * Censuses are of different moments, and the orphans are nobody's to count:
 * so each part takes at most what the ones before it have left, and the parts
 * add up to A whatever came in.
 */
#ifndef GCSHIM_READER_BILL_H
#define GCSHIM_READER_BILL_H

#include "reader/census.h"

struct bill_facts {
    uint64_t allocated_bytes;
    uint64_t used_bytes; /* <= allocated */
    uint64_t cached_bytes;
    const struct censuses *censuses;
    /* What threads left at their exits, all together: used blocks, free ones
     * in the pages of these, and those pages whole. */
    uint64_t left_used_bytes;
    uint64_t left_free_bytes;
    uint64_t left_page_bytes;
};

enum { BILL_UNCOUNTED_BYTES = 256 << 10 }; /* four ticks */

struct reader_bill bill_of(const struct bill_facts *facts);

#endif
