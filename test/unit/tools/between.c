/* What happens between two reads of a file: see between.h. */
#include "between.h"

#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static void (*hook)(size_t bytes, off_t offset);

void between_reads(void (*happens)(size_t bytes, off_t offset))
{
    hook = happens;
}

/* In the place of libc's, for the whole program. */
ssize_t pread(int fd, void *buffer, size_t bytes, off_t offset)
{
    if (hook)
        hook(bytes, offset);
    return syscall(SYS_pread64, fd, buffer, bytes, offset);
}
