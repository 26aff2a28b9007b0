/* Collections of a runtime's garbage collector: begun, ended, measured by
 * what was in use before and after, and shown to readers.
 *
 * Begin and end come from the same thread, one within the other where
 * collections nest (the inner one is measured).  Any context in which the
 * runtime may collect; no lock.
 */
#ifndef SHIM_COLLECTION_H
#define SHIM_COLLECTION_H

#include <stdbool.h>
#include <stdint.h>

/* A collection of the whole heap is of this generation; above it is taken
 * for it. */
enum { GENERATION_WHOLE = 2 };

#define OBJECTS_UNKNOWN UINT64_MAX

void collection_begin(unsigned generation);
void collection_end(uint64_t objects);

/* One that its runtime makes in pieces, on whatever threads, while the program
 * goes on between them: told when it is over.  Used after is what it left of
 * what was in use as it began. */
struct collected {
    uint64_t begin_ns;    /* of its first piece */
    uint64_t pause_ns;    /* all pieces together */
    uint64_t longest_ns;  /* the longest of them */
    uint64_t used_before; /* as it began */
    uint64_t freed_bytes; /* by all pieces */
    uint64_t objects;
    unsigned generation, flags; /* enum gcshim_gc_flag */
};
void collection_tell(const struct collected *collected);

/* Collections begun so far by the calling thread. */
uint32_t collections_begun(void);

/* Tells readers which runtime it is: "cpython 3.11".  is_blind: it keeps its
 * objects where no shim sees them. */
void collection_introduce(const char *runtime, bool is_blind);

/* Where that is not what GCSHIM_GC says: a runtime of the API, or one that can
 * not be watched at the time. */
void collection_set_mode(uint32_t mode);

/* Their place in the segment, NULL where there is no room for it. */
struct gcshim_gc;
struct gcshim_gc *collection_totals(void);

/* In a fork child, when its own segment stands: the runtime is the same, its
 * collections are the child's own. */
void collection_inherit(void);

#endif
