/* Segments made by hand, sound or not, in a directory of the test's own. */
#ifndef TOOLS_FORGE_H
#define TOOLS_FORGE_H

#include "gcshim/layout.h"

enum { FORGE_PATH_BYTES = 512 };

/* A sound segment of this very process, with one thread that has allocated
 * 1000 bytes in 10 blocks and freed 400 in 4.  Release with free. */
struct gcshim_segment *forge_segment(void);

/* A new directory, and its removal with all that is in it. */
void forge_begin(void);
void forge_end(void);

/* The directory; the path of a file in it, valid until the next call. */
const char *forge_dir(void);
const char *forge_path(const char *name);

/* Writes the first bytes of a segment into a file of that name. */
void forge_write(const char *name, const struct gcshim_segment *segment,
                 size_t bytes);

/* Writes the whole segment and frees it. */
void forge_put(const char *name, struct gcshim_segment *segment);

#endif
