/* The stacks of call sites: frames, the modules they are in, and the names of
 * those of interpreted languages. */
#ifndef GCSHIM_READER_FRAMES_H
#define GCSHIM_READER_FRAMES_H

#include "reader/profile.h"
#include "reader/segment.h"

struct frames {
    struct reader_frame *list; /* by index, as sites have them */
    size_t count;
    struct reader_module *modules;
    size_t module_count;
    char *names, *paths; /* what the texts of the others lie in */
};

/* Reads as much of the tables as raw, which was read after the sites, says is
 * in use.  Release with frames_fini. */
int frames_read(const struct segment *segment, struct gcshim_profile *raw,
                struct frames *ret_frames,
                char ret_reason[READER_REASON_BYTES]);
void frames_fini(struct frames *frames);

#endif
