/* Where the files that a process mapped are to be found: its root directory,
 * which may be a container's.
 *
 * A container is not trusted.  No link of its making leads out of its root,
 * and only regular files are opened, so that no device or pipe can be touched
 * or keep us waiting.
 */
#ifndef GCSHIM_SYMBOLS_PLACE_H
#define GCSHIM_SYMBOLS_PLACE_H

#include <stdint.h>
#include <sys/types.h>

#include "reader/reader.h"

enum { PLACE_ROOT_BYTES = 32 };

struct place {
    int root_fd;                 /* O_PATH */
    char root[PLACE_ROOT_BYTES]; /* "/proc/PID/root"; "": our own */
};

/* process: NULL stands for our own root, and so does one that is gone or may
 * not be looked into.  Release with place_fini. */
void place_init(struct place *place, const struct reader_process *process);
void place_fini(struct place *place);

/* A regular file by the path, absolute, that the process has for it: 0, or
 * -errno, -EINVAL where it is no regular file. */
int place_file_open(const struct place *place, const char *path, int *ret_fd);

/* Any regular file by our own path; links are followed. */
int place_open_here(const char *path, int *ret_fd);

/* By what name we see an open file that place_file_open found.  NULL when memory is
 * short; the caller frees. */
char *place_name(const struct place *place, const char *path, int fd);

#endif
