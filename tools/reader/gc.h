/* The collections of the runtime's garbage collector, read while the process
 * goes on collecting. */
#ifndef GCSHIM_READER_GC_H
#define GCSHIM_READER_GC_H

#include "reader/segment.h"

/* Reads totals and events; an event that changes meanwhile is left out.  What
 * is read of a file without a runtime has is_there unset.  Release with
 * gc_fini. */
int gc_read(const struct segment *segment, struct reader_gc *ret_gc,
            char ret_reason[READER_REASON_BYTES]);
void gc_fini(struct reader_gc *gc);

/* The last request to collect that was served; 0 where there is no such
 * table.  P: [collect] */
int gc_served(const struct segment *segment, uint32_t *ret_request,
              char ret_reason[READER_REASON_BYTES]);

#endif
