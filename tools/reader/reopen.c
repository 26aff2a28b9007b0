/* A process's segment, once more: see reopen.h. */
#include "reader/reopen.h"

#include <errno.h>
#include <unistd.h>

#include "reader/place.h"

typedef int segment_opener(struct segment *ret_segment, int dirfd,
                           const char *name,
                           char ret_reason[READER_REASON_BYTES]);

static int open_by(segment_opener *open_it, struct segment *ret_segment,
                   const struct reader_process *process,
                   char reason[READER_REASON_BYTES])
{
    struct segment segment;
    int dirfd = -1;
    int err = place_open(process, &dirfd);

    if (err)
        return err;
    err = open_it(&segment, dirfd, process->segment, reason);
    close(dirfd);
    if (err)
        return err;
    if (!place_holds(&segment, process)) {
        segment_close(&segment);
        return -ESRCH;
    }
    *ret_segment = segment;
    return 0;
}

int reopen(struct segment *ret_segment, const struct reader_process *process,
           char ret_reason[READER_REASON_BYTES])
{
    return open_by(segment_open, ret_segment, process, ret_reason);
}

int reopen_writable(struct segment *ret_segment,
                    const struct reader_process *process,
                    char ret_reason[READER_REASON_BYTES])
{
    return open_by(segment_open_writable, ret_segment, process, ret_reason);
}
