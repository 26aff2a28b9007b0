/* Where the segment of a process that has been read lies, for those who want
 * to open it again. */
#ifndef GCSHIM_READER_PLACE_H
#define GCSHIM_READER_PLACE_H

#include <stdbool.h>

#include "reader/reader.h"
#include "reader/segment.h"

/* Opens the directory, O_PATH: 0 or -errno. */
int place_open(const struct reader_process *process, int *ret_fd);

/* Whether a segment is the very one that the process was read from. */
bool place_holds(const struct segment *segment,
                 const struct reader_process *process);

#endif
