/* The program that is to be run: where it is, and whether a preloaded
 * library can take effect in it. */
#ifndef GCSHIM_RUN_PROGRAM_H
#define GCSHIM_RUN_PROGRAM_H

#include <limits.h>

enum { PROGRAM_OBSTACLE_BYTES = PATH_MAX + 256 };

/* The file that execvp would run for name: 0 or -ENOENT. */
int program_find(const char *name, char ret_path[PATH_MAX]);

/* The program that the kernel would run for path: where that is a script, its
 * interpreter; symbolic links resolved where they can be. */
void program_interpret(const char *path, char ret_path[PATH_MAX]);

/* Writes a sentence that says why the shim will not see all of the program's
 * memory, or "" if nothing is known to be in its way.  Follows scripts to
 * their interpreters. */
void program_inspect(const char *path,
                     char ret_obstacle[PROGRAM_OBSTACLE_BYTES]);

#endif
