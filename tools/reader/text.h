/* Texts: figures for people, and bytes from outside, made fit to show.
 *
 * Names of processes, threads and files are chosen by whoever runs them: an
 * escape sequence in one of them must never reach a terminal, and a broken
 * one must never reach a JSON document.
 */
#ifndef GCSHIM_READER_TEXT_H
#define GCSHIM_READER_TEXT_H

#include <stddef.h>
#include <stdint.h>

enum {
    TEXT_SIZE_BYTES = 24,  /* room for a size, with a sign too */
    TEXT_COUNT_BYTES = 32, /* room for "18,446,744,073,709,551,615" */
};

/* "12 B", "196.3 MiB", "1020 MiB"; "-" for READER_UNKNOWN.  At most nine
 * columns.  Returns text. */
char *text_size(char text[TEXT_SIZE_BYTES], uint64_t bytes);

/* "1,234,567"; "-" for READER_UNKNOWN.  Returns text. */
char *text_count(char text[TEXT_COUNT_BYTES], uint64_t count);

/* Decodes the first character of a NUL-terminated text into ret_code.
 * Returns its length in bytes, or 0 where it is not valid UTF-8. */
size_t text_decode(const char *text, uint32_t *ret_code);

/* Turns, in place, everything that is not printable UTF-8 into '?': control
 * characters, broken sequences, and what changes the direction of a line. */
void text_clean(char *text);

/* Copies at most size - 1 of length bytes, ends them and cleans them.  The
 * source need not be terminated. */
void text_copy(char *dest, size_t size, const char *source, size_t length);

#endif
