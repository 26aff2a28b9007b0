/* Any bytes as a program that gcshim-run is to inspect. */
#include "fuzz.h"

#include "run/elf.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct elf_facts facts;
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    if (elf_inspect(fd, &facts) == 0 &&
        (strlen(facts.allocator) >= ELF_NAME_BYTES ||
         strlen(facts.defines) >= ELF_NAME_BYTES))
        abort();
    close(fd);
    return 0;
}
