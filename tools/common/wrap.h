/* Sentences in lines of limited width. */
#ifndef GCSHIM_COMMON_WRAP_H
#define GCSHIM_COMMON_WRAP_H

#include <stddef.h>
#include <stdio.h>

/* How many bytes of text make the next line of at most width of them, broken
 * at a blank; a word that is too long stands out.  *ret_next: where the line
 * after it begins.  0 at the end. */
size_t wrap_line(const char *text, size_t width, const char **ret_next);

/* Prints text in lines of at most width, each after so many blanks. */
void wrap_print(FILE *out, const char *text, size_t width, int indent);

#endif
