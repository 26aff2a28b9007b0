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
#define READER_DIR    "/dev/shm"
#define READER_PREFIX "gcshim."

/* A figure that cannot be known now: shown as "-", null in JSON, never 0. */
#define READER_UNKNOWN UINT64_MAX

enum {
    READER_NAME_BYTES = 256,
    READER_COMM_BYTES = 16,
    READER_COMMAND_BYTES = 256,
    READER_REASON_BYTES = 160,
    READER_EVIDENCE_BYTES = 256,
    READER_DIRECTORY_BYTES = 256,
    READER_RUNTIME_BYTES = 32,

    READER_GC_GENERATIONS = 3,
    READER_GC_EVENTS_MAX = 512,

    /* Of a block whose call stack was not taken. */
    READER_SITE_NONE = 0,

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

/* The pages of one block size, of all threads that live. */
struct reader_class {
    uint64_t block_bytes;
    uint64_t pages;
    uint64_t full_pages;  /* with no free block */
    uint64_t empty_pages; /* with no used block: could be given back */
    /* In pages that hold a used block: used <= capacity <= reserved. */
    uint64_t used_blocks;
    uint64_t capacity_blocks; /* cut out of the pages so far */
    uint64_t reserved_blocks; /* that fit into them */
};

/* What a thread's heap consists of, as the thread last counted it. */
struct reader_census {
    uint64_t age_ms; /* UNKNOWN: never counted; the rest is then 0 */
    /* Bytes that the thread has allocated and freed since. */
    uint64_t changed_bytes;
    uint64_t pages; /* huge blocks have one each */
    uint64_t full_pages;
    uint64_t full_page_bytes; /* in the blocks of full pages, huge ones too */
    uint64_t used_bytes;      /* in all blocks that count as used */
    uint64_t free_bytes;      /* free blocks in pages that hold a used one */
    uint64_t page_bytes;      /* what these pages take up */
    uint64_t empty_page_bytes;
    uint64_t huge_blocks;
    uint64_t huge_bytes;
};

/* A thread that has, or at the process's death had, a slot.  Its freed
 * figures may exceed its allocated ones: it may free what others asked for. */
struct reader_thread {
    uint32_t tid;                 /* as this reader sees it; see below */
    char name[READER_COMM_BYTES]; /* "" if the kernel cannot tell any more */
    char state;                   /* as in ps: R S D ...; 'X' gone, '?' */
    struct reader_totals totals;  /* since the thread began */
    struct reader_census census;
};

/* A block that has a page of its own. */
struct reader_huge {
    uint64_t address;
    uint64_t bytes;
    uint32_t tid; /* of who asked for it, as this reader sees it */
    uint64_t age_ms;
    uint32_t site; /* number of its call site, or READER_SITE_NONE */
};

/* Where what malloc has from the system is.  Every part is below or equal to
 * allocated, and they add up to it:
 *
 *     owned + orphaned = used
 *     used + cached + fragmented + unreturned + overhead = allocated
 *
 * The first line is exact as a sum; how it divides is an estimate.  Where no
 * thread has a census, all but cached and uncounted_threads is UNKNOWN. */
struct reader_bill {
    uint64_t owned_bytes;       /* used, in pages of threads that live */
    uint64_t orphaned_bytes;    /* used, in pages that an exited thread left */
    uint64_t cached_bytes;      /* freed, in the shim's own caches */
    uint64_t fragmented_bytes;  /* free, in pages that hold a used block */
    uint64_t unreturned_bytes;  /* wholly free pages, touched or not */
    uint64_t overhead_bytes;    /* rounding, room not yet cut into blocks */
    uint64_t age_ms;            /* of the oldest census that went into it */
    uint64_t changed_bytes;     /* allocated and freed since the censuses */
    uint64_t uncounted_threads; /* without a census: the parts are bounds */
    /* Freed by other threads, at the least, and still counted as used in
     * pages whose owner has not looked since; in unreturned as yet. */
    uint64_t uncollected_bytes;
};

/* What is resident, by who handed it out; anonymous memory only.  All
 * UNKNOWN where the process is dead or may not be looked into. */
struct reader_mappings {
    uint64_t malloc_bytes;  /* in the ranges that mimalloc hands out from */
    uint64_t stack_bytes;   /* of the first thread, and of those found */
    uint64_t code_bytes;    /* executable and of no file: JIT code */
    uint64_t file_bytes;    /* written pages of programs and libraries */
    uint64_t heap_bytes;    /* libc's own heap (brk) */
    uint64_t other_bytes;   /* other anonymous mappings */
    uint64_t outside_bytes; /* all but the first */
};

enum reader_verdict {
    READER_VERDICT_UNKNOWN,
    READER_VERDICT_IN_USE,
    READER_VERDICT_UNRETURNED,
    READER_VERDICT_FRAGMENTED,
    READER_VERDICT_OUTSIDE,
};

struct reader_point {
    uint64_t time_ns; /* CLOCK_BOOTTIME */
    uint64_t used_bytes;
    uint64_t used_peak_bytes; /* since the point before */
    uint64_t allocated_bytes;
};

/* What the figures were when gcshim-ctl was told to remember them. */
struct reader_baseline {
    uint64_t age_ms; /* UNKNOWN: there is none; the rest is then UNKNOWN */
    uint64_t used_bytes;
    uint64_t allocated_bytes;
    uint64_t resident_bytes;
    uint64_t allocated_total_bytes;
    uint64_t freed_total_bytes;
};

/* What the shim does about the collections of a runtime. */
enum reader_gc_mode {
    READER_GC_OFF, /* it is the runtime that speaks to the shim */
    READER_GC_OBSERVE,
    READER_GC_PACE,
    READER_GC_MODE_UNKNOWN,
};

/* Who asked for a collection; 0: the runtime itself wanted it. */
enum reader_gc_asker {
    READER_GC_BY_PACER = 1,
    READER_GC_BY_LIMIT = 2, /* GCSHIM_GC_MAX was reached */
    READER_GC_BY_REQUEST = 4,
};

struct reader_gc_event {
    uint64_t begin_ns; /* CLOCK_BOOTTIME */
    uint64_t age_ms;
    uint64_t pause_ns;
    uint64_t used_before;
    uint64_t used_after;
    uint64_t objects;    /* UNKNOWN: the runtime does not count them */
    uint32_t generation; /* below READER_GC_GENERATIONS */
    uint32_t asked_by;   /* enum reader_gc_asker, or 0 */
    uint32_t tid;        /* of who collected, as this reader sees it */
};

/* The garbage collections since the process began. */
struct reader_gc {
    bool is_there; /* a runtime that is known of; else the rest says nothing */
    bool is_blind; /* it keeps its objects where the shim cannot see them */
    char runtime[READER_RUNTIME_BYTES]; /* "cpython 3.11"; "": no name */
    enum reader_gc_mode mode;
    uint64_t collections[READER_GC_GENERATIONS];
    uint64_t objects_collected;
    uint64_t pause_ns_last; /* this and the next three: UNKNOWN before the */
    uint64_t pause_ns_max;  /* first collection */
    uint64_t used_before_last;
    uint64_t used_after_last;
    uint64_t pause_ns_total;
    uint64_t freed_total_bytes; /* sum of used before - used after */
    /* Of the pacer, UNKNOWN where there is none: used after the last whole
     * collection, and the used at which it asks for the next. */
    uint64_t baseline_bytes;
    uint64_t goal_bytes;
    uint64_t asked; /* times that the pacer asked */

    struct reader_gc_event *events; /* the last ones, oldest first */
    size_t event_count;
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
    /* In a survey, the nearest ancestor that is in it too; 0: none. */
    uint32_t ancestor_pid;
    uint64_t ancestor_created_ns;
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

    struct reader_class *classes; /* sorted by block size */
    size_t class_count;

    /* The largest first.  The sums hold those that are not listed too. */
    struct reader_huge *huge;
    size_t huge_count;
    uint64_t huge_blocks;
    uint64_t huge_bytes;
    uint64_t huge_unlisted;

    struct reader_gc gc;

    uint64_t full_page_bytes; /* of threads that live; UNKNOWN: no census */
    struct reader_bill bill;
    struct reader_baseline baseline;

    /* Filled in by reader_process_explain; until then UNKNOWN, and the
     * verdict is what can be said without. */
    struct reader_mappings mappings;
    enum reader_verdict verdict;
    char evidence[READER_EVIDENCE_BYTES]; /* a sentence or two, or "" */

    /* The whole life, oldest first; points thin out with age. */
    struct reader_point *history;
    size_t history_count;

    /* PRIVATE: the ranges of mimalloc, as the segment says; and the directory
     * that the segment lies in, "" where that is a container's (root_pid) or
     * too long. */
    struct reader_range *ranges;
    size_t range_count;
    char directory[READER_DIRECTORY_BYTES];
};

/* Reads how the process's memory is mapped, and gives the verdict anew.  The
 * kernel walks the process's page tables for it: some milliseconds for each
 * GiB.  0 where there is nothing to be read, and the mappings stay UNKNOWN;
 * where there is, resident becomes the sum of the mappings. */
int reader_process_explain(struct reader_process *process);

/* "in use", "unreturned", "fragmented", "outside malloc"; NULL for unknown. */
const char *reader_verdict_name(enum reader_verdict verdict);

/* "off", "observe", "pace"; NULL for unknown. */
const char *reader_gc_mode_name(enum reader_gc_mode mode);

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

/* The same without the names and states of threads, "" and '?': for each a
 * file of /proc would be opened, which takes some 10 us. */
int reader_survey_init_brief(struct reader_survey *ret_survey, const char *dir);

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

/* One that is read again and again.  Its segment stays open, so that its last
 * figures can be read when it has ended, removed its file, or run another
 * program: it is then dead, and what the pid is now is to be found anew.
 * -ESRCH where it is not there any more.  What has not changed since it was
 * last read is not read again; the names and states of threads, "" and '?', are
 * not read at all. */
struct reader_hold;
int reader_hold_open(struct reader_hold **ret_hold,
                     const struct reader_process *process);
int reader_hold_read(struct reader_hold *hold,
                     struct reader_process *ret_process);
void reader_hold_close(struct reader_hold *hold); /* NULL: nothing */

/* Blocks handed out and not yet freed. */
static inline uint64_t reader_blocks(const struct reader_totals *totals)
{
    return totals->allocated_blocks > totals->freed_blocks
               ? totals->allocated_blocks - totals->freed_blocks
               : 0;
}

#endif
