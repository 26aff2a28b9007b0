/* A process in namespaces of its own, as in a container; needs root. */
#ifndef TOOLS_CONTAINER_H
#define TOOLS_CONTAINER_H

#include <stdint.h>
#include <sys/types.h>

#include "gcshim/layout.h"

/* Its first process does nothing until the container ends, or the test. */
struct container {
    pid_t pid; /* as we see it */
    int hold_fd;
};

/* What the first process does before anything else: 0, or -1 where it could
 * not; it need not return. */
typedef int (*container_setup)(void);

/* Mounts an empty tmpfs on /dev/shm. */
int container_own_shm(void);

/* The first thread of the first process has ended, another goes on. */
int container_headless(void);

/* With a mount namespace of its own, and others by flags (CLONE_NEWPID). */
struct container container_begin(int flags, container_setup setup);
void container_end(const struct container *container);

/* The inode of one of its namespaces, "pid" or "mnt". */
uint64_t container_namespace(const struct container *container,
                             const char *kind);

/* A sound segment of its first process. */
struct gcshim_segment *container_segment(const struct container *container);

/* Writes a segment into its /dev/shm, and frees it. */
void container_put(const struct container *container, const char *name,
                   struct gcshim_segment *segment);

#endif
