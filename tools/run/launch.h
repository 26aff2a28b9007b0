/* How a program is to be run under the shim: the options that gcshim-run has
 * for it, the environment, and what can be said against it beforehand. */
#ifndef GCSHIM_RUN_LAUNCH_H
#define GCSHIM_RUN_LAUNCH_H

#include <getopt.h>
#include <stdbool.h>

#include "run/program.h"

struct launch {
    bool keep;    /* all segments that the program leaves */
    bool quiet;   /* nothing is said of what will not be seen */
    bool verbose; /* what is set is said */
    const char *shim;
    const char *preset; /* NULL: none */
};

enum {
    LAUNCH_KEEP = 512, /* above what commands number theirs with */
    LAUNCH_GC,
    LAUNCH_ALL_PYTHON,
    LAUNCH_SET,
    LAUNCH_SHIM,
    LAUNCH_CONTINUE = -1, /* no exit status: go on */
};

/* Rows of a table for getopt_long. */
/* clang-format off */
#define LAUNCH_OPTIONS                                     \
    {"keep", no_argument, NULL, LAUNCH_KEEP},              \
    {"gc", optional_argument, NULL, LAUNCH_GC},            \
    {"all-python", no_argument, NULL, LAUNCH_ALL_PYTHON},  \
    {"set", required_argument, NULL, LAUNCH_SET},          \
    {"shim", required_argument, NULL, LAUNCH_SHIM}
/* clang-format on */

/* Takes one of these options; any other is a mistake that getopt has told
 * of.  LAUNCH_CONTINUE, or an exit status after one line. */
int launch_option(struct launch *launch, const char *command, int option,
                  const char *argument);

/* What stands for several settings; and the program without its children.
 * LAUNCH_CONTINUE, or an exit status after one line. */
int launch_preset(struct launch *launch, const char *command, const char *name);
int launch_no_children(const char *command);

/* Whether all segments are kept; another may have asked for it. */
bool launch_keeps_all(const struct launch *launch);

/* Sets LD_PRELOAD and what the preset stands for, and says what keeps the shim
 * from taking effect in the program argv[0], or what it will not see of it;
 * ret_obstacle: "" if nothing is known to be in its way.
 * LAUNCH_CONTINUE, or an exit status after one line. */
int launch_prepare(const struct launch *launch, const char *command,
                   char *const *argv,
                   char ret_obstacle[PROGRAM_OBSTACLE_BYTES]);

/* Says that it could not be run, and returns the status for that. */
int launch_failure(const char *command, const char *name, int error);

#endif
