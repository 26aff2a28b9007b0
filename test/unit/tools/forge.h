/* Segments made by hand, sound or not, in a directory of the test's own. */
#ifndef TOOLS_FORGE_H
#define TOOLS_FORGE_H

#include "gcshim/layout.h"
#include "reader/reader.h"

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

/* Maps the file of that name, to change it while it is read.  Release with
 * forge_unmap. */
struct gcshim_segment *forge_map(const char *name);
void forge_unmap(struct gcshim_segment *segment);

/* Puts it and reads the file: as a process, which the caller releases; or for
 * it to be refused with a sentence that holds why. */
struct reader_process forge_read(struct gcshim_segment *segment);
void forge_refuse(struct gcshim_segment *segment, const char *why);

#endif
