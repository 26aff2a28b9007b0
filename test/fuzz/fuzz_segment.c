/* Any bytes as a segment.  The input is the beginning of the file; with an
 * even length the file is then as long as a whole segment, so that a short
 * input reaches the table of slots. */
#include "fuzz.h"

#include "gcshim/layout.h"
#include "reader/reader.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void require(bool holds)
{
    if (!holds)
        abort();
}

/* Whatever the file says, what the reader says must make sense. */
static void check(const struct reader_process *process)
{
    require(process->used_bytes <= process->allocated_bytes);
    require(process->used_bytes <= process->used_peak_bytes);
    require(process->allocated_bytes <= process->allocated_peak_bytes);
    require(process->totals.freed_bytes <= process->totals.allocated_bytes);
    require(process->totals.freed_blocks <= process->totals.allocated_blocks);
    require(process->thread_count <= GCSHIM_SLOTS);
    for (const char *c = process->comm; *c; c++)
        require((unsigned char)*c >= ' ' && *c != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/gcshim-fuzz-XXXXXX";
    char reason[READER_REASON_BYTES] = "";
    struct reader_process process;
    int fd = mkstemp(path);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    if (size % 2 == 0 && size < sizeof(struct gcshim_segment))
        require(ftruncate(fd, sizeof(struct gcshim_segment)) == 0);
    close(fd);
    int error = reader_process_init(&process, path, reason);
    if (error == 0) {
        check(&process);
        reader_process_fini(&process);
    }
    unlink(path);
    return 0;
}
