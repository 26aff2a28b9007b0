/* The environment in which a program runs under the shim. */
#ifndef GCSHIM_RUN_PRELOAD_H
#define GCSHIM_RUN_PRELOAD_H

#include <limits.h>

/* Finds libgcshim.so, as an absolute path: the file that wanted names (NULL:
 * none in particular), else the one beside this program's build, else the
 * installed one.  0, -ENOENT, or -EINVAL where its path holds a character
 * that LD_PRELOAD cannot. */
int preload_find(const char *wanted, char ret_path[PATH_MAX]);

/* Puts it first in LD_PRELOAD: 0 or -ENOMEM. */
int preload_set(const char *path);

/* "key:value" as GCSHIM_KEY=value: 0, -EINVAL or -ENOMEM. */
int preload_setting(const char *setting);

#endif
