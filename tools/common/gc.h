/* The collections of a runtime, in words: what the report, the panel and
 * gcshim-ctl say of them alike. */
#ifndef GCSHIM_COMMON_GC_H
#define GCSHIM_COMMON_GC_H

#include "reader/reader.h"

enum { GC_TEXT_BYTES = 160, GC_LINES = 4 };

/* "cpython 3.11"; "a runtime of its own" for one that gives no name. */
const char *gc_name(const struct reader_gc *gc);

/* "cpython 3.11 (pace)". */
char *gc_title(char text[GC_TEXT_BYTES], const struct reader_gc *gc);

/* What there is to be said of all collections together, line by line: NULL
 * for a line that there is not. */
char *gc_line(char text[GC_TEXT_BYTES], const struct reader_gc *gc, int line);

/* Who asked for it: "pacer", "limit", "request", or "runtime". */
const char *gc_asker(const struct reader_gc_event *event);

/* What it gave back; 0 where more was in use after it. */
uint64_t gc_freed(const struct reader_gc_event *event);

/* Of all generations. */
uint64_t gc_collections(const struct reader_gc *gc);

/* "used 41.2 MiB -> 12.5 MiB in 2.3 ms (cpython 3.11)" */
char *gc_outcome(char text[GC_TEXT_BYTES], const struct reader_gc *gc,
                 const struct reader_gc_event *event);

#endif
