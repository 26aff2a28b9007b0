/* What a request to give memory back has come to: see trim.h. */
#include "common/trim.h"

#include <stdio.h>
#include <string.h>

#include "common/size.h"

struct trim_moment trim_moment_of(const struct reader_process *process)
{
    return (struct trim_moment){process->allocated_bytes,
                                process->resident_bytes};
}

char *trim_format_short(char text[TRIM_TEXT_BYTES], struct trim_moment before,
                        struct trim_moment after)
{
    char gain[SIZE_BYTES] = "nothing";
    char sizes[2][SIZE_BYTES];

    /* A program that goes on may have taken more than it gave back. */
    if (after.allocated_bytes < before.allocated_bytes)
        size_format(gain, before.allocated_bytes - after.allocated_bytes);
    (void)snprintf(text, TRIM_TEXT_BYTES, "gave back %s: allocated %s -> %s",
                   gain, size_format(sizes[0], before.allocated_bytes),
                   size_format(sizes[1], after.allocated_bytes));
    return text;
}

char *trim_format(char text[TRIM_TEXT_BYTES], struct trim_moment before,
                  struct trim_moment after)
{
    char sizes[2][SIZE_BYTES];

    trim_format_short(text, before, after);
    size_t length = strlen(text);

    (void)snprintf(text + length, TRIM_TEXT_BYTES - length,
                   ", resident %s -> %s",
                   size_format(sizes[0], before.resident_bytes),
                   size_format(sizes[1], after.resident_bytes));
    return text;
}
