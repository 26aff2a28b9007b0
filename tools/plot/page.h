/* The page: one HTML file that needs nothing but a browser. */
#ifndef GCSHIM_PLOT_PAGE_H
#define GCSHIM_PLOT_PAGE_H

#include <stdio.h>

#include "recording/recording.h"

/* Writes it, of one recording or of two that are compared, with the top of
 * their size classes by themselves: 0 or -errno. */
int page_print(FILE *out, const struct recording *const recordings[],
               size_t count, size_t top);

#endif
