/* The form that `go tool pprof` and its kin read: profile.proto, gzipped.
 *
 * Values are alloc_objects, alloc_space, inuse_objects and inuse_space, in
 * this order, as in a heap profile of Go.  What lives has one sample for each
 * site and thread, with the labels "thread" and "tid"; what was ever asked for
 * has one for each site.
 */
#ifndef GCSHIM_PROF_PPROF_H
#define GCSHIM_PROF_PPROF_H

#include <stdio.h>

#include "symbols/symbols.h"

/* time_ns: when the profile was read, since 1970.  0 or -errno; out is
 * flushed. */
int pprof_write(FILE *out, const struct reader_profile *profile,
                struct symbols *symbols, uint64_t time_ns);

#endif
