/* One segment file: opened, distrusted, read.
 *
 * The file is read with pread and never mapped: a file that is cut short
 * meanwhile is then a short read, not a SIGBUS, and reading holes costs no
 * memory.  What a section holds is known to the file that is named after it:
 * slots.c, census.c, blocks.c, history.c, ranges.c, gc.c, profile.c.  Nobody
 * outside of the reader knows the raw layout.
 *
 * Functions return 0 or -errno; on -EPROTO ret_reason holds a sentence that
 * says what is wrong with the file.
 */
#ifndef GCSHIM_READER_SEGMENT_H
#define GCSHIM_READER_SEGMENT_H

#include "gcshim/layout.h"
#include "reader/reader.h"

enum { SEGMENT_KINDS = GCSHIM_SECTION_SAMPLES + 1 };

/* No process has more memory than it has addresses, 128 TiB.  A figure beyond
 * is no figure; and a thousand of those below add up within 64 bits. */
#define SEGMENT_BYTES_MAX (UINT64_C(1) << 47)

struct segment {
    struct gcshim_header header; /* validated; texts cleaned */
    /* Where the tables lie, by kind; validated.  No entries: there is none,
     * which only slots cannot be. */
    struct gcshim_section sections[SEGMENT_KINDS];
    int fd;
    uid_t owner; /* of the file */
};

/* Opens and validates the file name within the directory dirfd (or relative
 * to the working directory: AT_FDCWD).  -EAGAIN while it is being created.
 * Release with segment_close. */
int segment_open(struct segment *ret_segment, int dirfd, const char *name,
                 char ret_reason[READER_REASON_BYTES]);
void segment_close(struct segment *segment);

/* The file of a segment that is open once more, wherever its name is now. */
int segment_open_again(struct segment *ret_segment,
                       const struct segment *segment,
                       char ret_reason[READER_REASON_BYTES]);

/* The same for reading and writing.  Only its first link is taken for the
 * file: -EPERM where there are more, -ENOENT where it is gone. */
int segment_open_writable(struct segment *ret_segment, int dirfd,
                          const char *name,
                          char ret_reason[READER_REASON_BYTES]);

/* Copies that many bytes from there.  The kernel copies aligned words whole,
 * and a later read sees no less than an earlier one, as each ends in a barrier
 * at the latest on return. */
int segment_read(const struct segment *segment, void *buffer, size_t bytes,
                 uint64_t offset, char ret_reason[READER_REASON_BYTES]);

/* Copies the header as it is now; its texts are as they were at open. */
int segment_header_read(const struct segment *segment,
                        struct gcshim_header *ret_header,
                        char ret_reason[READER_REASON_BYTES]);

/* The first byte from offset on that does not lie in a hole; offset itself
 * where the file system cannot tell. */
uint64_t segment_data_find(const struct segment *segment, uint64_t offset);

/* Where an entry of a table lies. */
static inline uint64_t segment_entry(const struct segment *segment,
                                     enum gcshim_section_kind kind,
                                     size_t index)
{
    const struct gcshim_section *section = &segment->sections[kind];

    return section->offset + (uint64_t)index * section->entry_bytes;
}

#endif
