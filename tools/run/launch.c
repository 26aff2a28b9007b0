/* How a program is to be run under the shim: see launch.h. */
#include "run/launch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/cli.h"
#include "run/child.h"
#include "run/preload.h"

/* -------------------------------------------------------------- options */

static int variable_set(const char *command, const char *name,
                        const char *value)
{
    if (setenv(name, value, 1) < 0)
        return cli_failure(command, "%s", strerror(errno));
    return LAUNCH_CONTINUE;
}

static int gc_set(struct launch *launch, const char *command, const char *mode)
{
    static const char *const modes[] = {"off", "observe", "pace"};

    if (!mode)
        mode = "pace";
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(mode, modes[i]) == 0) {
            launch->gc = i > 0;
            return variable_set(command, "GCSHIM_GC", mode);
        }
    }
    return cli_usage(command, "--gc: '%s' is none of: off, observe, pace",
                     mode);
}

static int setting_set(const char *command, const char *setting)
{
    int err = preload_setting(setting);

    if (err == -EINVAL)
        return cli_usage(command, "--set: '%s' is not of the form KEY:VALUE",
                         setting);
    if (err)
        return cli_failure(command, "%s", strerror(-err));
    return LAUNCH_CONTINUE;
}

int launch_option(struct launch *launch, const char *command, int option,
                  const char *argument)
{
    switch (option) {
    case LAUNCH_KEEP:
        launch->keep = true;
        return variable_set(command, "GCSHIM_KEEP", "1");
    case LAUNCH_GC:
        return gc_set(launch, command, argument);
    case LAUNCH_ALL_PYTHON:
        return variable_set(command, "PYTHONMALLOC", "malloc");
    case LAUNCH_SET:
        return setting_set(command, argument);
    case LAUNCH_SHIM:
        launch->shim = argument;
        return LAUNCH_CONTINUE;
    default: /* getopt has printed its line */
        return CLI_USAGE;
    }
}

bool launch_keeps_all(const struct launch *launch)
{
    const char *keep = getenv("GCSHIM_KEEP");

    return launch->keep || (keep && strcmp(keep, "1") == 0);
}

/* ---------------------------------------------------------- environment */

static int preload(const struct launch *launch, const char *command)
{
    char path[PATH_MAX];
    int err = preload_find(launch->shim, path);

    if (err == -EINVAL)
        return cli_failure(command, "libgcshim.so lies in a directory with a "
                                    "blank or colon in its name, which "
                                    "LD_PRELOAD cannot hold");
    if (err)
        return cli_failure(command, "%s is not to be found",
                           launch->shim ? launch->shim : "libgcshim.so");
    err = preload_set(path);
    if (err)
        return cli_failure(command, "%s", strerror(-err));
    return LAUNCH_CONTINUE;
}

static void warn_of_obstacles(const char *command, const char *name,
                              char ret_obstacle[PROGRAM_OBSTACLE_BYTES])
{
    char path[PATH_MAX];

    ret_obstacle[0] = '\0';
    if (program_find(name, path) == 0)
        program_inspect(path, ret_obstacle);
    if (*ret_obstacle)
        (void)cli_failure(command, "%s", ret_obstacle);
}

/* Python has an allocator of its own for small objects; a build without a GIL
 * for all, of which the library tells. */
static void warn_of_blindness(const char *command, const char *name)
{
    const char *malloc = getenv("PYTHONMALLOC");
    char path[PATH_MAX];
    char real[PATH_MAX];

    if ((malloc && strncmp(malloc, "malloc", strlen("malloc")) == 0) ||
        program_find(name, path) < 0)
        return;
    program_interpret(path, real);
    if (program_is_python(real))
        (void)cli_failure(command,
                          "%s takes memory for objects of up to 512 bytes "
                          "from an allocator of its own: what these use is "
                          "not seen, nor counted towards a collection "
                          "(--all-python changes that)",
                          name);
}

int launch_prepare(const struct launch *launch, const char *command,
                   const char *name, char ret_obstacle[PROGRAM_OBSTACLE_BYTES])
{
    int status = preload(launch, command);

    if (status != LAUNCH_CONTINUE)
        return status;
    warn_of_obstacles(command, name, ret_obstacle);
    if (launch->gc && !*ret_obstacle)
        warn_of_blindness(command, name);
    return LAUNCH_CONTINUE;
}

int launch_failure(const char *command, const char *name, int error)
{
    (void)cli_failure(command, "%s: %s", name, strerror(error));
    return child_exec_status(error);
}
