/* The process that a command line names. */
#ifndef GCSHIM_COMMON_TARGET_H
#define GCSHIM_COMMON_TARGET_H

#include "reader/reader.h"

/* The only argument that is no option: CLI_DONE, or CLI_USAGE after one line.
 * rest: what follows the options, NULL at its end. */
int target_only(const char *command, char *const *rest, const char **ret_name);

/* Reads the process of this pid: CLI_DONE, or CLI_FAILED after one line that
 * says why there is none.  Release with reader_process_fini. */
int target_pid(const char *command, uint32_t pid,
               struct reader_process *ret_process);

/* The same of a pid or, where it is no number, the path of a segment. */
int target_named(const char *command, const char *name,
                 struct reader_process *ret_process);

#endif
