/* A made-up process with a bit of everything, whose figures add up. */
#ifndef TOOLS_SPECIMEN_H
#define TOOLS_SPECIMEN_H

#include "reader/reader.h"

/* 200 MiB used (100 of them in two huge blocks), 256 MiB allocated, 3
 * threads, 14 size classes, 12 collections, a baseline and a history.  Its
 * lists are on the heap: reader_process_fini, or a survey's, releases it. */
struct reader_process specimen(void);

/* The same without a census of any thread. */
struct reader_process specimen_uncounted(void);

/* The same after its end. */
struct reader_process specimen_dead(void);

#endif
