/* The machine's processes, the pid namespaces that they are in, and the
 * /dev/shm that each of them sees: what it takes to look into containers.
 *
 * Nothing is read until it is asked for.  Where all processes share one mount
 * namespace, a scan is one stat for each of them.  Processes that the reader
 * may not look into are passed over in silence.
 *
 * A container is not trusted.  Whoever is root in it chooses what is mounted
 * there and whose files lie there.  So its /dev/shm is reached without ever
 * following a link of its making, and what lies there is believed only about
 * processes that see that very directory: see world_find.  What is not
 * guarded against is a file system that never answers, as FUSE can be: it
 * takes a mount in our own user namespace to be asked anything on our behalf,
 * which is root's to make.
 *
 * Functions return 0 or -errno.
 */
#ifndef GCSHIM_READER_WORLD_H
#define GCSHIM_READER_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
    WORLD_DIRECTORIES_MAX = 256, /* each holds a descriptor */
    WORLD_ROOTS_MAX = 4096,
    WORLD_FILES_MAX = 4096, /* looked at in one directory */
};

/* A /dev/shm that is not our own.  Distinct by device and inode: containers
 * may share one. */
struct world_directory {
    int fd; /* O_PATH */
    dev_t device;
    ino_t inode;
    uint32_t pid; /* reached through /proc/PID/root */
};

/* A root directory of some mount namespace, and where its dev/shm leads. */
struct world_root {
    uint64_t mount_namespace;
    dev_t device;
    ino_t inode;
    size_t directory; /* index; SIZE_MAX: to none, or to our own */
};

struct world_process {
    uint32_t pid;           /* as we see it */
    uint32_t namespace_pid; /* as it sees itself; 0 until asked for */
    uint64_t mount_namespace;
    uint64_t pid_namespace; /* 0 until asked for */
};

/* Namespaces are known by their inodes in /proc/PID/ns. */
struct world {
    int proc_fd; /* of /proc; -1 until it is opened */
    uint64_t own_mount_namespace;
    uint64_t own_pid_namespace;
    dev_t own_device; /* of our own /dev/shm */
    ino_t own_inode;

    bool scanned; /* who there is */
    bool indexed; /* by pid namespace */
    uint64_t scanned_ns;
    struct world_process *processes;
    size_t process_count;
    struct world_root *roots;
    size_t root_count;
    struct world_directory *directories;
    size_t directory_count;
    size_t beyond_count; /* roots beyond the limits above */
};

/* Cannot fail; reads nothing yet.  Release with world_fini. */
void world_init(struct world *world);
void world_fini(struct world *world);

/* Finds all processes and directories, or those of one process; only the
 * first call does anything.  -ENOMEM; where /proc is missing there is
 * nobody. */
int world_scan(struct world *world);
int world_scan_process(struct world *world, uint32_t pid);

/* The pid, as we see it, of the process that calls itself namespace_pid in
 * that pid namespace and sees that directory (NULL: whatever it sees).
 *   -ESRCH   nobody has that pid, though others there do see the directory
 *   -ENXIO   nobody of that pid namespace sees it, as far as we may know
 *   -EAGAIN  nobody was there, but it began after we looked: created_ns */
int world_find(struct world *world, const struct world_directory *directory,
               uint64_t pid_namespace, uint32_t namespace_pid,
               uint64_t created_ns, uint32_t *ret_pid);

/* The dev/shm below a root directory, as an O_PATH descriptor: -ENOTDIR or
 * -ELOOP where any part of it is a link. */
int world_directory_open(int root_fd, int *ret_fd);

#endif
