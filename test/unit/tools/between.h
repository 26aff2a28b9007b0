/* What happens between two reads of a file: the moments that a reader must be
 * ready for, one by one rather than by luck. */
#ifndef TOOLS_BETWEEN_H
#define TOOLS_BETWEEN_H

#include <sys/types.h>

/* Called before every read of that many bytes from there; NULL: nothing is. */
void between_reads(void (*happens)(size_t bytes, off_t offset));

#endif
