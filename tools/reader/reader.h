/* The reader: everything that a tool may know of a process.
 *
 * Finds segments in /dev/shm, distrusts them, copies their figures and joins
 * what the kernel knows of the same process.  Readers are never waited for
 * and never wait: a snapshot is a few reads of a file.
 *
 * Functions return 0 or -errno, print nothing, and leave out-parameters
 * (ret_...) untouched on failure.  Not thread-safe against itself on the same
 * object; distinct objects are independent.  Every text that comes out is
 * terminated, valid UTF-8 and free of control characters.
 */
#ifndef GCSHIM_READER_H
#define GCSHIM_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where segments lie, and what their names begin with. */
#define READER_DIR "/dev/shm"
#define READER_PREFIX "gcshim."

/* A figure that cannot be known now: shown as "-", null in JSON, never 0. */
#define READER_UNKNOWN UINT64_MAX

enum {
    READER_NAME_BYTES = 256,
    READER_COMM_BYTES = 16,
    READER_COMMAND_BYTES = 256,
    READER_REASON_BYTES = 160,

    /* A directory that anybody may fill must not take all of our memory:
     * what is beyond is counted, not shown. */
    READER_PROCESSES_MAX = 16384,
    READER_REFUSALS_MAX = 256,
};

struct reader_totals {
    uint64_t allocated_bytes;
    uint64_t allocated_blocks;
    uint64_t freed_bytes;
    uint64_t freed_blocks;
};

/* A thread that has, or at the process's death had, a slot.  Its freed
 * figures may exceed its allocated ones: it may free what others asked for. */
struct reader_thread {
    uint32_t tid;                 /* as this reader sees it; see below */
    char name[READER_COMM_BYTES]; /* "" if the kernel cannot tell any more */
    char state;                   /* as in ps: R S D ...; 'X' gone, '?' */
    struct reader_totals totals;  /* since the thread began */
};

enum reader_state { READER_LIVE, READER_DEAD };

/* In a container a process, and each of its threads, has another id than the
 * one that this reader sees.  pid and tid are what this reader sees, and what
 * kill and /proc take here; for one that is gone, and so has no id here any
 * more, they are what it called itself. */
struct reader_process {
    uint32_t pid;
    uint32_t namespace_pid; /* what it calls itself; the header's */
    uint64_t pid_namespace; /* the inode; 0: this reader's own */
    uint32_t root_pid;      /* its segment is not in the directory that was
                             * read, but in /proc/root_pid/root/dev/shm; or 0 */
    uint32_t parent_pid;
    uint32_t uid;      /* the process's while it lives, then the file's */
    uint32_t file_uid; /* who owns the segment */
    char comm[READER_COMM_BYTES];
    char command[READER_COMMAND_BYTES]; /* with arguments; "" when dead */
    enum reader_state state;
    char run_state;                  /* as in ps; 'X' when dead */
    char segment[READER_NAME_BYTES]; /* file name within the directory */

    /* Which process of this pid: both as the segment's header says. */
    uint64_t start_time_ticks;
    uint64_t created_ns; /* CLOCK_BOOTTIME */

    uint64_t used_bytes;
    uint64_t used_peak_bytes;
    uint64_t allocated_bytes; /* committed, as of the last tick */
    uint64_t allocated_peak_bytes;
    uint64_t resident_bytes;     /* anonymous; UNKNOWN when dead */
    uint64_t rss_bytes;          /* all; UNKNOWN when dead */
    uint64_t dropped;            /* threads without figures of their own */
    uint64_t age_ms;             /* of the figures from the last tick */
    struct reader_totals totals; /* used = allocated - freed, always */

    struct reader_thread *threads; /* sorted by tid */
    size_t thread_count;
};

/* A file that looked like a segment and is not shown, and why. */
struct reader_refusal {
    char segment[READER_NAME_BYTES];
    char reason[READER_REASON_BYTES];
};

/* All the processes that this user may see, sorted by pid, and what was
 * refused.  A process that has exec'ed has left its earlier segments behind:
 * they are passed over. */
struct reader_survey {
    struct reader_process *processes;
    size_t process_count;
    struct reader_refusal *refusals;
    size_t refusal_count;
    size_t denied_count; /* other users' files that we may not open */
    size_t beyond_count; /* files and directories beyond the limits */
};

/* Reads every segment in dir.  NULL stands for /dev/shm, and for that of each
 * container that this user may look into.  A directory that does not exist or
 * cannot be read is -errno, unless it is a container's; a bad file in it is a
 * refusal.
 * The caller releases with reader_survey_fini. */
int reader_survey_init(struct reader_survey *ret_survey, const char *dir);
void reader_survey_fini(struct reader_survey *survey);

/* Reads one segment by its path, whoever owns it.  -EPROTO with a sentence
 * in ret_reason (may be NULL) where the file is not to be trusted; -EAGAIN
 * where it is still being created.  Release with reader_process_fini. */
int reader_process_init(struct reader_process *ret_process, const char *path,
                        char ret_reason[READER_REASON_BYTES]);
void reader_process_fini(struct reader_process *process);

/* The segment of a pid, as this reader sees it, in dir (NULL: /dev/shm and
 * containers), -ENOENT if none: the living process's, else one of this user's
 * own, else anybody's; the newest of these.  A dead process of another pid
 * namespace has no pid here.  Release with reader_process_fini. */
int reader_process_find(struct reader_process *ret_process, const char *dir,
                        uint32_t pid);

/* Blocks handed out and not yet freed. */
static inline uint64_t reader_blocks(const struct reader_totals *totals)
{
    return totals->allocated_blocks > totals->freed_blocks
               ? totals->allocated_blocks - totals->freed_blocks
               : 0;
}

#endif
