/* Which calls of which source lines stand at an address: what the debug
 * information of one file says.
 *
 * The tables are built as they are needed, as compilers do not all write an
 * index: the ranges of all units at the first question, the functions of a unit
 * at the first question about it. */
#ifndef GCSHIM_SYMBOLS_LINES_H
#define GCSHIM_SYMBOLS_LINES_H

#include <elfutils/libdw.h>

#include "symbols/calls.h"
#include "symbols/spans.h"

/* A compilation unit. */
struct lines_unit {
    Dwarf_Die die;
    Dwarf_Die tree; /* the same, but where functions lie in a file of their
                     * own (-gsplit-dwarf) */
    bool is_indexed;
    size_t seen;        /* entries, while it is being indexed */
    struct spans spans; /* of functions */
    Dwarf_Die *functions;
    size_t function_count;
};

/* Begins as zeros. */
struct lines {
    struct spans spans; /* of units */
    struct lines_unit *units;
    size_t unit_count;
};

/* Finds the units.  0 or -ENOMEM; broken information has few. */
int lines_init(struct lines *lines, Dwarf *dwarf);
void lines_fini(struct lines *lines);

/* Adds the calls at an address of the debug information.  symbol, may be NULL:
 * what the symbol table says, in case that there is no better.  0 or -ENOMEM;
 * nothing is added where nothing is known. */
int lines_find(struct lines *lines, uint64_t address, const char *symbol,
               struct calls *calls);

#endif
