/* The census: what the calling thread's heap in mimalloc consists of, page by
 * page, counted by the thread itself and laid where readers find it.
 *
 * A count costs some 20 to 70 ns a page.  It is made at a tick, no sooner
 * than CENSUS_SPARING times its own cost after the last one, and only when
 * the thread has allocated and freed a sixteenth of its heap since: so a
 * thread spends less than one part in CENSUS_SPARING of its time on it.
 */
#ifndef SHIM_CENSUS_H
#define SHIM_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    CENSUS_SPARING = 128,
    CENSUS_SPACING_NS = 10000000, /* between two counts at the least */
    CENSUS_CHANGE_SHARE = 16,     /* of the heap must have changed */
    CENSUS_CHANGE_MIN_BYTES = 64 * 1024,
};

/* A thread's first count is due a little later: many do not live so long. */
void census_plan_first(void);

/* Counts if it is time.  now_ns: clock_coarse_ns(). */
void census_tick(uint64_t now_ns);

/* Counts now.  Not while the thread is inside mimalloc, unless mimalloc asks
 * for deferred frees. */
void census_take(void);

/* Counts now, and notes all that is in use as left behind. */
void census_take_at_exit(void);

/* What all threads' last counts say, together. */
struct census_sum {
    uint64_t used_blocks, used_bytes; /* in pages, huge blocks apart */
    uint64_t free_blocks, free_bytes; /* in pages that hold a used block */
    uint64_t page_bytes, empty_page_bytes;
    uint64_t huge_blocks, huge_bytes;
};
void census_sum(struct census_sum *ret_sum);

/* What one count says. */
struct gcshim_count;
void census_sum_of(const struct gcshim_count *count,
                   struct census_sum *ret_sum);

/* A copy of the last count of the slot's present owner; false if there is
 * none.  The copy is as whole as a reader's.  P: [census] */
struct gcshim_slot;
bool census_copy(const struct gcshim_slot *slot,
                 struct gcshim_count *ret_count);

/* In a fork child: the heaps of its parent's other threads are nobody's. */
void census_inherit(void);

#endif
