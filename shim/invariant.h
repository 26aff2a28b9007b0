/* What must hold, checked at every call by libgcshim-checked.so, which the
 * tests run programs under: one that finds it broken ends with a line on
 * standard error. */
#ifndef SHIM_INVARIANT_H
#define SHIM_INVARIANT_H

#include "compiler.h"

#ifdef GCSHIM_INVARIANTS
COLD _Noreturn void invariant_broken(const char *what);
#define INVARIANT(condition)              \
    do {                                  \
        if (UNLIKELY(!(condition)))       \
            invariant_broken(#condition); \
    } while (0)
#else
#define INVARIANT(condition) \
    do {                     \
    } while (0)
#endif

#endif
