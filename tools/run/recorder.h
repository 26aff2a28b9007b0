/* A run that is recorded: gcshim-record does it, in this process's place. */
#ifndef GCSHIM_RUN_RECORDER_H
#define GCSHIM_RUN_RECORDER_H

#include "run/launch.h"

/* Becomes gcshim-record, that which lies beside this command or else is
 * found by PATH, and has it run the program.  What has been set in the
 * environment is the program's; its own LD_PRELOAD is as this command's was.
 * Returns -errno if it cannot be had. */
int recorder_exec(const char *file, const struct launch *launch, char **argv);

#endif
