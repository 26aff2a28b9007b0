/* A segment's account as the figures of a process. */
#ifndef GCSHIM_READER_FIGURES_H
#define GCSHIM_READER_FIGURES_H

#include "reader/account.h"
#include "reader/reader.h"

/* Sets all figures that come from the segment alone.  What the account holds
 * is the process's from then on. */
void figures_set(struct reader_process *process, struct account *account);

#endif
