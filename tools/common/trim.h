/* What a request to give memory back has come to, in words. */
#ifndef GCSHIM_COMMON_TRIM_H
#define GCSHIM_COMMON_TRIM_H

#include <stddef.h>

#include "reader/reader.h"

enum { TRIM_TEXT_BYTES = 160 };

/* The figures of one moment. */
struct trim_moment {
    uint64_t allocated_bytes;
    uint64_t resident_bytes;
};

struct trim_moment trim_moment_of(const struct reader_process *process);

/* "gave back 196.0 MiB: allocated 254.1 MiB -> 58.1 MiB", and the other with
 * what was and is resident as well.  Return text. */
char *trim_format_short(char text[TRIM_TEXT_BYTES], struct trim_moment before,
                        struct trim_moment after);
char *trim_format(char text[TRIM_TEXT_BYTES], struct trim_moment before,
                  struct trim_moment after);

#endif
