/* Call sites in words. */
#ifndef GCSHIM_SITES_TEXT_H
#define GCSHIM_SITES_TEXT_H

#include <stdio.h>

#include "common/size.h"
#include "sites/sites.h"

enum {
    SITES_TEXT_BYTES = 160,
    SITES_NAME_BYTES = 400,
};

/* What has become of sampling: "sampling one byte in 512.0 KiB", ...  Returns
 * text. */
char *sites_state_text(char text[SITES_TEXT_BYTES], enum reader_sampling state,
                       uint64_t mean_bytes);

/* An estimate of bytes as a size, one of blocks as a count.  Return text. */
char *sites_size(char text[SIZE_BYTES], double bytes);
char *sites_count(char text[COUNT_BYTES], double count);

/* "9.8 MiB to 15.7 MiB", or "exact".  unit: see reader_estimate_range. */
char *sites_range_text(char text[SITES_TEXT_BYTES],
                       struct reader_estimate estimate, double unit);

/* What a call is called: its function, else its place, else "?". */
const char *sites_line_name(const struct sites_line *line);

/* What a whole stack is called, in a table of few columns: the innermost
 * function that is known, and where that is not, the innermost place; "(no
 * stack)" if there is none. */
const char *sites_entry_name(const struct sites_entry *entry);

/* The innermost lines of a stack, at most so many (0: all), each after so many
 * blanks. */
void sites_stack_print(FILE *out, const struct sites_entry *entry, size_t most,
                       int indent);

/* All there is to be said of a site: what lives, what was ever asked for, ages,
 * threads; then its stack. */
void sites_entry_print(FILE *out, const struct sites *sites,
                       const struct sites_entry *entry, size_t most_lines);

/* One line for a profile that cannot be read, with what it takes to have one;
 * no newline in it.  err and reason: of sites_init; 0: it has no sites. */
enum { SITES_REASON_BYTES = 400 };
char *sites_reason(char text[SITES_REASON_BYTES],
                   const struct reader_process *process,
                   const struct sites *sites, int err, const char *reason);

#endif
