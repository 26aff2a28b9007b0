/* Any bytes as a recording; what is read of it is thinned and written, and
 * must be read again. */
#include "fuzz.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "recording/recording.h"
#include "recording/thin.h"

enum { PATH_BYTES = 64 };

static void rewrite(const struct recording *recording, int fd)
{
    FILE *out = fdopen(dup(fd), "w");

    if (!out)
        abort();
    recording_head_print(out, recording);
    for (size_t i = 0; i < recording->count; i++)
        recording_entry_print(out, &recording->entries[i]);
    if (fclose(out) == EOF)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char reason[READER_REASON_BYTES];
    char path[PATH_BYTES];
    struct recording recording;
    struct recording again;
    int fd = memfd_create("recording", MFD_CLOEXEC);

    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (recording_read(&recording, path, reason) == 0) {
        thin(&recording, RECORDING_SAMPLE, 2);
        thin(&recording, RECORDING_GC, 1);
        if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
            abort();
        rewrite(&recording, fd);
        if (recording_read(&again, path, reason) != 0)
            abort();
        if (again.count != recording.count)
            abort();
        recording_fini(&again);
        recording_fini(&recording);
    }
    (void)close(fd);
    return 0;
}
