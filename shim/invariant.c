#include "invariant.h"

#ifdef GCSHIM_INVARIANTS

#include "text.h"

#include <stdlib.h>

COLD _Noreturn void invariant_broken(const char *what)
{
    char buffer[256];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put(&text, "broken invariant: ");
    text_put(&text, what);
    text_warn(&text);
    abort();
}

#else

typedef int invariant_nothing_to_check;

#endif
