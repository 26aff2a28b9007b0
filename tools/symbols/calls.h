/* The calls that make up one frame, the innermost first. */
#ifndef GCSHIM_SYMBOLS_CALLS_H
#define GCSHIM_SYMBOLS_CALLS_H

#include "symbols/symbols.h"

/* Begins as zeros.  Its texts are its own. */
struct calls {
    struct symbols_call *items;
    size_t count;
};

/* symbol: as the linker has it; name: as the source has it; each may be NULL,
 * and so may file.  0 or -ENOMEM. */
int calls_add(struct calls *calls, const char *symbol, const char *name,
              const char *file, uint32_t line);

/* Cuts off what was added beyond count. */
void calls_cut(struct calls *calls, size_t count);

void calls_fini(struct calls *calls);

#endif
