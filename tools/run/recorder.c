/* A run that is recorded: see recorder.h. */
#include "run/recorder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char recorder[] = "gcshim-record";

enum { OPTIONS_MOST = 8 };

/* Of this command's own directory; "" if that cannot be told. */
static void beside(char ret_path[PATH_MAX])
{
    char own[PATH_MAX];
    ssize_t bytes = readlink("/proc/self/exe", own, sizeof(own) - 1);
    char *slash = NULL;

    ret_path[0] = '\0';
    if (bytes <= 0)
        return;
    own[bytes] = '\0';
    slash = strrchr(own, '/');
    if (!slash)
        return;
    *slash = '\0';
    if (snprintf(ret_path, PATH_MAX, "%s/%s", own, recorder) >= PATH_MAX)
        ret_path[0] = '\0';
}

static size_t options_put(char **to, const char *file,
                          const struct launch *launch)
{
    size_t count = 0;

    to[count++] = (char *)recorder;
    to[count++] = (char *)"--quiet";
    to[count++] = (char *)"--output";
    to[count++] = (char *)file;
    if (launch->keep)
        to[count++] = (char *)"--keep";
    if (launch->shim) {
        to[count++] = (char *)"--shim";
        to[count++] = (char *)launch->shim;
    }
    to[count++] = (char *)"--";
    return count;
}

int recorder_exec(const char *file, const struct launch *launch, char **argv)
{
    char path[PATH_MAX];
    size_t arguments = 0;

    while (argv[arguments])
        arguments++;
    char **all = calloc(OPTIONS_MOST + arguments + 1, sizeof(*all));

    if (!all)
        return -ENOMEM;
    memcpy(all + options_put(all, file, launch), argv,
           arguments * sizeof(*all));
    beside(path);
    if (*path)
        execv(path, all);
    execvp(recorder, all);
    int err = -errno;

    free((void *)all);
    return err;
}
