/* What the kernel knows of a process: a few files of /proc/PID.
 *
 * All reads go through one descriptor of /proc/PID, so they are of one and
 * the same process even when its pid is given to another meanwhile.
 *
 * Functions return 0 or -errno; -ENOENT or -ESRCH where the process is gone.
 */
#ifndef GCSHIM_READER_PROC_H
#define GCSHIM_READER_PROC_H

#include <dirent.h>
#include <stdbool.h>

#include "reader/reader.h"

enum { PROC_TIDS_MAX = 65536 };

/* A line of /proc/PID/stat or /proc/PID/task/TID/stat, as far as it is ours;
 * see proc(5). */
struct proc_stat {
    char comm[READER_COMM_BYTES];
    char state;
    uint32_t parent_pid;
    uint64_t thread_count;
    uint64_t start_time_ticks;
    uint64_t stack_start; /* 0 where the kernel does not tell us */
};

struct proc_status {
    uint32_t uid;            /* effective */
    uint64_t resident_bytes; /* RssAnon; UNKNOWN where there is none */
    uint64_t rss_bytes;      /* VmRSS; UNKNOWN where there is none */
};

struct proc {
    int dirfd;
    struct proc_stat stat;
};

/* Release with proc_close. */
int proc_open(struct proc *ret_proc, uint32_t pid);
void proc_close(struct proc *proc);

/* Who owns /proc/PID. */
int proc_owner(uint32_t pid, uint32_t *ret_uid);

/* Whether it still runs: a zombie does not, unless it is but a first thread
 * that has ended before the others. */
bool proc_is_running(const struct proc *proc);

/* Opens a file of it that tells of its memory: a descriptor or -errno. */
int proc_file_open(const struct proc *proc, const char *name);

int proc_status_read(const struct proc *proc, struct proc_status *ret_status);
int proc_thread_read(const struct proc *proc, uint32_t tid,
                     struct proc_stat *ret_stat);

/* A thread's two ids. */
struct proc_tid {
    uint32_t tid;           /* as we see it */
    uint32_t namespace_tid; /* in its own pid namespace */
};

/* The ids of all threads, in any order, at most PROC_TIDS_MAX.  The caller
 * frees. */
int proc_tids_read(const struct proc *proc, struct proc_tid **ret_tids,
                   size_t *ret_count);

/* The pid that a process has in its own pid namespace; proc_fd is /proc. */
int proc_namespace_pid(int proc_fd, uint32_t pid, uint32_t *ret_pid);

/* The last pid of the NSpid line of a status file: -EPROTO if there is
 * none. */
int proc_nspid_parse(const char *status, uint32_t *ret_pid);

/* The command line in one piece, its program without the directory; "" where
 * there is none. */
void proc_command_read(const struct proc *proc,
                       char ret_command[READER_COMMAND_BYTES]);

/* Parses one line of a stat file: -EPROTO if it is none.  The name in it may
 * hold anything, also spaces and parentheses. */
int proc_stat_parse(const char *line, struct proc_stat *ret_stat);

/* A directory for readdir, NULL with errno where it cannot be read. */
DIR *proc_directory_open(int dirfd, const char *path);

/* The inode of this process's own pid namespace; 0 without /proc. */
uint64_t proc_pid_namespace(void);

/* Now, by CLOCK_BOOTTIME. */
uint64_t proc_now_ns(void);

/* Clock ticks since boot, as nanoseconds. */
uint64_t proc_ticks_to_ns(uint64_t ticks);

#endif
