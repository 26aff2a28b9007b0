/* Any bytes as a line of /proc/PID/stat, for the shim's parser and for the
 * reader's; where both understand it, they must understand the same. */
#include "fuzz.h"

#include "identity.h"
#include "reader/proc.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct identity identity = {.start_time_ticks = UINT64_MAX};
    struct proc_stat stat;
    char *line = malloc(size + 1);
    if (!line)
        return 0;
    if (size > 0)
        memcpy(line, data, size);
    line[size] = '\0';
    identity_parse_stat(&identity, line);
    int error = proc_stat_parse(line, &stat);
    if (strlen(identity.comm) >= sizeof(identity.comm))
        abort();
    if (error == 0 && strlen(stat.comm) >= sizeof(stat.comm))
        abort();
    free(line);
    return 0;
}
