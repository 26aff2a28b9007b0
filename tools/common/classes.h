/* Size classes in the order in which they deserve to be looked at. */
#ifndef GCSHIM_COMMON_CLASSES_H
#define GCSHIM_COMMON_CLASSES_H

#include "reader/reader.h"

/* Bytes in blocks that are used, and in free ones beside them. */
uint64_t class_used_bytes(const struct reader_class *class);
uint64_t class_free_bytes(const struct reader_class *class);

/* Used blocks of those that have been cut, in thousandths. */
unsigned class_fill(const struct reader_class *class);

/* A copy of the process's classes, those with most free bytes first, then
 * those with most used.  The caller frees it; NULL when memory is short. */
struct reader_class *classes_sorted(const struct reader_process *process);

#endif
