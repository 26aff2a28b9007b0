/* Finding rows by a text that is in what names them. */
#ifndef GCSHIM_TOP_FIND_H
#define GCSHIM_TOP_FIND_H

#include "top/list.h"

/* Whether any of what names a row holds the text, in either case. */
bool find_matches(const struct row *row, const char *text);

/* Selects the next row that matches, from the index from on and around the
 * corner.  Returns whether there is one. */
bool find_next(struct list *list, const char *text, size_t from);

#endif
