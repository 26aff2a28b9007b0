/* One process: its segment, joined with what the kernel knows of it. */
#ifndef GCSHIM_READER_PROCESS_H
#define GCSHIM_READER_PROCESS_H

#include <stdbool.h>

#include "reader/reader.h"

/* Whose word is taken for whose process. */
enum process_trust {
    PROCESS_ANY_OWNER, /* the user named this very file */
    PROCESS_OWN_ONLY,  /* the file's owner must be the process's, or root */
};

/* Reads the segment name within dirfd; see reader_process_init.  -ENOENT
 * where it went away together with its process. */
int process_read(struct reader_process *ret_process, int dirfd,
                 const char *name, enum process_trust trust,
                 char ret_reason[READER_REASON_BYTES]);

#endif
