/* What is resident, by who handed it out: /proc/PID/smaps, summed up.
 *
 * Only anonymous memory is counted, so that the parts add up to what the
 * kernel calls RssAnon.  Functions return 0 or -errno.
 */
#ifndef GCSHIM_READER_MAPPINGS_H
#define GCSHIM_READER_MAPPINGS_H

#include <stdio.h>

#include "reader/proc.h"
#include "reader/reader.h"

/* Nothing is known. */
struct reader_mappings mappings_unknown(void);

/* -EACCES or -EPERM where the process may not be looked into.
 *
 * The ranges of mimalloc are noted as threads are counted, so that some may be
 * missing: where more is allocated than lies in them all, or threads have not
 * been counted, so much of what may be malloc's by its kind is taken for it.
 * What is outside is then a lower bound. */
int mappings_read(const struct proc *proc, const struct reader_process *process,
                  struct reader_mappings *ret_mappings);

/* The same from a text: -EPROTO where it is no smaps. */
int mappings_parse(FILE *smaps, const struct reader_process *process,
                   struct reader_mappings *ret_mappings);

#endif
