/* How far a recording is: see progress.h.  Blanks take away what stood there,
 * so that any terminal will do. */
#include "record/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/size.h"
#include "reader/proc.h"

enum {
    LINE_BYTES = 256,
    COLUMNS = 80,
    EVERY_NS = 250000000,
    NS_PER_MS = 1000000,
};

struct progress progress_make(bool is_wanted)
{
    return (struct progress){.is_shown = is_wanted && isatty(STDERR_FILENO)};
}

/* A line that is as wide as the terminal would wrap, and stay. */
static int columns(void)
{
    struct winsize size = {0};

    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1
               ? size.ws_col - 1
               : COLUMNS - 1;
}

static int line_make(char line[LINE_BYTES], const struct sampler *sampler,
                     uint64_t now_ns)
{
    char elapsed[AGE_BYTES];
    char used[SIZE_BYTES];
    char allocated[SIZE_BYTES];
    char resident[SIZE_BYTES];
    char points[COUNT_BYTES];
    char file[SIZE_BYTES];
    int length = snprintf(
        line, LINE_BYTES,
        "%s  used %s  allocated %s  resident %s  %s points, %s",
        age_format(elapsed, (now_ns - sampler->began_ns) / NS_PER_MS),
        size_format(used, sampler->used_bytes),
        size_format(allocated, sampler->allocated_bytes),
        size_format(resident, sampler->resident_bytes),
        count_format(points, recording_count(&sampler->store->recording,
                                             RECORDING_SAMPLE)),
        size_format(file, sampler->store->bytes));

    return length < columns() ? length : columns();
}

void progress_print(struct progress *progress, const struct sampler *sampler)
{
    char line[LINE_BYTES];
    uint64_t now_ns = proc_now_ns();

    if (!progress->is_shown || now_ns - progress->printed_ns < EVERY_NS)
        return;
    int width = line_make(line, sampler, now_ns);
    int blank = progress->width > width ? progress->width - width : 0;

    (void)fprintf(stderr, "\r%.*s%*s", width, line, blank, "");
    (void)fflush(stderr);
    progress->width = width;
    progress->printed_ns = now_ns;
}

void progress_clear(struct progress *progress)
{
    if (progress->width > 0)
        (void)fprintf(stderr, "\r%*s\r", progress->width, "");
    progress->width = 0;
}
