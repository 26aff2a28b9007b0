/* The table of slots: sums, and who owns one. */
#ifndef GCSHIM_READER_SLOTS_H
#define GCSHIM_READER_SLOTS_H

#include "reader/recall.h"
#include "reader/segment.h"

/* A slot that has an owner, as it stood at one moment. */
struct slot_owner {
    size_t index;
    uint32_t epoch;
    uint32_t tid;
    struct reader_totals total;
    struct reader_totals at_claim;
};

struct slots {
    struct reader_totals totals; /* freed <= allocated, always */
    struct slot_owner *owners;
    size_t owner_count;
    uint64_t cached_bytes; /* in caches, as of the threads' last ticks */
    size_t restless_count; /* slots that did not hold still, and are left out */
};

/* Copies the slots while their owners go on changing them.  The owners lie in
 * recall's room, until the next time. */
int slots_read(const struct segment *segment, struct recall *recall,
               struct slots *ret_slots, char ret_reason[READER_REASON_BYTES]);

/* Of the threads that have a slot, how many have served the request to trim of
 * that number, or a later one.  P: [trim] */
int slots_trimmed(const struct segment *segment, uint32_t request,
                  size_t *ret_done, size_t *ret_threads,
                  char ret_reason[READER_REASON_BYTES]);

/* What a total has grown by; 0 where it would have shrunk, as it never does
 * in a sound file. */
static inline uint64_t slots_since(uint64_t now, uint64_t then)
{
    return now > then ? now - then : 0;
}

#endif
