/* How a program is to be run under the shim: see launch.h. */
#include "run/launch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"
#include "run/child.h"
#include "run/preload.h"
#include "run/runtime.h"

/* -------------------------------------------------------------- options */

static int variable_set(const char *command, const char *name,
                        const char *value)
{
    if (setenv(name, value, 1) < 0)
        return cli_failure(command, "%s", strerror(errno));
    return LAUNCH_CONTINUE;
}

static int gc_set(const char *command, const char *mode)
{
    static const char *const modes[] = {"off", "observe", "pace"};

    if (!mode)
        mode = "pace";
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(mode, modes[i]) == 0)
            return variable_set(command, "GCSHIM_GC", mode);
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
        return gc_set(command, argument);
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

int launch_preset(struct launch *launch, const char *command, const char *name)
{
    if (!preset_find(name, RUNTIME_NONE))
        return cli_usage(command,
                         "--preset: '%s' is none of: auto, python, ruby", name);
    launch->preset = name;
    return LAUNCH_CONTINUE;
}

int launch_no_children(const char *command)
{
    return variable_set(command, "GCSHIM_CHILDREN", "0");
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

static int preset_set(const char *command, const char *preset,
                      enum runtime runtime)
{
    const struct preset_variable *variable = preset_find(preset, runtime);

    /* Whoever has set one of these meant it. */
    for (; variable->name; variable++) {
        if (setenv(variable->name, variable->value, 0) < 0)
            return cli_failure(command, "%s", strerror(errno));
    }
    return LAUNCH_CONTINUE;
}

/* In the form in which a shell takes them. */
static void tell_variables(const char *command)
{
    (void)fprintf(stderr, "%s:", command);
    for (char **entry = environ; *entry; entry++) {
        if (strncmp(*entry, "GCSHIM", strlen("GCSHIM")) == 0 ||
            strncmp(*entry, "LD_PRELOAD=", strlen("LD_PRELOAD=")) == 0 ||
            strncmp(*entry, "PYTHONMALLOC=", strlen("PYTHONMALLOC=")) == 0)
            (void)fprintf(stderr, " %s", *entry);
    }
    (void)fputc('\n', stderr);
}

/* What keeps the shim from taking effect is said; else what it will not see.
 * Both follow scripts to their interpreters. */
static void tell_limits(const char *command, char *const *argv,
                        const char *obstacle, enum runtime runtime)
{
    const char *limit = runtime_limit(runtime, argv);

    if (*obstacle)
        (void)cli_failure(command, "%s", obstacle);
    else if (limit)
        (void)cli_failure(command, "%s %s", argv[0], limit);
}

int launch_prepare(const struct launch *launch, const char *command,
                   char *const *argv, char ret_obstacle[PROGRAM_OBSTACLE_BYTES])
{
    enum runtime runtime = RUNTIME_NONE;
    char path[PATH_MAX];
    char real[PATH_MAX];
    int status = preload(launch, command);

    ret_obstacle[0] = '\0';
    if (program_find(argv[0], path) == 0) {
        program_inspect(path, ret_obstacle);
        program_interpret(path, real);
        runtime = runtime_of(real);
    }
    if (status == LAUNCH_CONTINUE && launch->preset)
        status = preset_set(command, launch->preset, runtime);
    if (status == LAUNCH_CONTINUE && !launch->quiet)
        tell_limits(command, argv, ret_obstacle, runtime);
    if (status == LAUNCH_CONTINUE && launch->verbose)
        tell_variables(command);
    return status;
}

int launch_failure(const char *command, const char *name, int error)
{
    (void)cli_failure(command, "%s: %s", name, strerror(error));
    return child_exec_status(error);
}
