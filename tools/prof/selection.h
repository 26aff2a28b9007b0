/* Which call sites are shown, by what, and in which order. */
#ifndef GCSHIM_PROF_SELECTION_H
#define GCSHIM_PROF_SELECTION_H

#include "sites/sites.h"

struct selection {
    bool by_total;        /* all that was ever asked for, not what lives */
    uint64_t least_bytes; /* sites with less are left out */
    size_t most;          /* so many are shown; 0: all */
    size_t most_lines;    /* of a stack in a report; 0: all */
};

struct reader_estimate selection_bytes(const struct selection *selection,
                                       const struct reader_site *site);

/* Sorts the entries, the largest first, and returns how many of them are to be
 * shown: those with nothing never are. */
size_t selection_make(const struct selection *selection, struct sites *sites);

#endif
