/* gcshim-ctl clean: removes what dead processes have left. */
#include <stdio.h>
#include <string.h>

#include "common/cli.h"
#include "common/size.h"
#include "ctl/commands.h"
#include "reader/control.h"

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

int ctl_clean(const struct ctl_request *request)
{
    size_t removed = 0;
    size_t kept = 0;
    uint64_t bytes = 0;
    char size[SIZE_BYTES];
    int err = control_clean(NULL, &removed, &bytes, &kept);

    (void)request;
    if (err)
        return cli_failure(CTL_NAME, "%s cannot be read: %s", READER_DIR,
                           strerror(-err));
    (void)printf("removed %zu file%s of dead processes, %s", removed,
                 plural(removed), size_format(size, bytes));
    if (kept > 0)
        (void)printf("; left %zu alone", kept);
    (void)putchar('\n');
    return fflush(stdout) == EOF ? CLI_FAILED : CLI_DONE;
}
