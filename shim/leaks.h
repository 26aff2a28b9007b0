/* What was never freed, by call site, for the report at a process's end: as
 * far as samples tell.  Addresses stay as in their files, for addr2line; who
 * wants functions and lines asks gcshim-run or gcshim-prof. */
#ifndef SHIM_LEAKS_H
#define SHIM_LEAKS_H

#include "text.h"

/* Nothing where no sample lives.  Once a process. */
void leaks_put(struct text *text);

#endif
