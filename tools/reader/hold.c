/* A process that is read again and again: see reader.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdlib.h>
#include <unistd.h>

#include "reader/place.h"
#include "reader/process.h"
#include "reader/reader.h"
#include "reader/segment.h"

struct reader_hold {
    struct segment segment;
    struct recall recall;
    uint32_t pid; /* as this reader sees it */
};

static int segment_open_of(struct segment *ret_segment,
                           const struct reader_process *process)
{
    char ignored[READER_REASON_BYTES];
    int dirfd = -1;
    int err = place_open(process, &dirfd);

    if (err)
        return err;
    err = segment_open(ret_segment, dirfd, process->segment, ignored);
    close(dirfd);
    if (err == 0 && !place_holds(ret_segment, process)) {
        segment_close(ret_segment);
        err = -ESRCH;
    }
    return err;
}

int reader_hold_open(struct reader_hold **ret_hold,
                     const struct reader_process *process)
{
    struct reader_hold *hold =
        aligned_alloc(alignof(struct reader_hold), sizeof(*hold));
    int err = hold ? segment_open_of(&hold->segment, process) : -ENOMEM;

    if (err) {
        free(hold);
        return err;
    }
    hold->pid = process->pid;
    hold->recall = (struct recall){0};
    err = recall_start(&hold->recall);
    if (err)
        reader_hold_close(hold);
    else
        *ret_hold = hold;
    return err;
}

int reader_hold_read(struct reader_hold *hold,
                     struct reader_process *ret_process)
{
    char ignored[READER_REASON_BYTES];

    return process_read_held(ret_process, &hold->segment, hold->pid,
                             &hold->recall, ignored);
}

void reader_hold_close(struct reader_hold *hold)
{
    if (!hold)
        return;
    segment_close(&hold->segment);
    recall_fini(&hold->recall);
    free(hold);
}
