/* One process: its segment, joined with what the kernel knows of it. */
#ifndef GCSHIM_READER_PROCESS_H
#define GCSHIM_READER_PROCESS_H

#include <stdbool.h>

#include "gcshim/layout.h"
#include "reader/proc.h"
#include "reader/reader.h"
#include "reader/recall.h"
#include "reader/segment.h"
#include "reader/world.h"

/* Whose word is taken for whose process. */
enum process_trust {
    PROCESS_ANY_OWNER, /* the user named this very file */
    PROCESS_OWN_ONLY,  /* the file's owner must be the process's, or root */
};

/* Where a file lies, and who may be asked about its process. */
struct process_source {
    int dirfd;
    const char *path; /* its name; NULL: relative to the working directory */
    enum process_trust trust;
    struct world *world; /* NULL: only our own pid namespace is known */
    const struct world_directory *directory; /* a container's; or NULL */
    /* How many more files of other users, about processes that are no more,
     * are read: anybody can write those in masses.  NULL: any number. */
    unsigned *strays_left;
    uint32_t held_pid; /* as seen here, of a segment that is held open; or 0 */
    /* Of one that is held what is kept of the last reading, else only room that
     * the last one took; NULL: neither. */
    struct recall *recall;
    bool is_brief; /* without names and states of threads */
};

/* Reads the segment name within a directory; see reader_process_init.
 * -ENOENT where it went away together with its process or was left over by it,
 * -EAGAIN where it is too new to be understood, -EDQUOT where there are too
 * many strays. */
int process_read(struct reader_process *ret_process,
                 const struct process_source *source, const char *name,
                 char ret_reason[READER_REASON_BYTES]);

/* The same of a segment that has been open since its process, which has this
 * pid here, was first read: also when its file is gone.  Without the names and
 * states of threads. */
int process_read_held(struct reader_process *ret_process,
                      const struct segment *held, uint32_t pid,
                      struct recall *recall,
                      char ret_reason[READER_REASON_BYTES]);

/* Marks it as not the one that lives now. */
void process_bury(struct reader_process *process);

/* Which pid the process of a segment has here: 0 with ret_pid set, -ESRCH
 * where it has none any more, -EPROTO where we may not know. */
int process_locate(const struct gcshim_header *header,
                   const struct process_source *source, uint32_t *ret_pid,
                   char ret_reason[READER_REASON_BYTES]);

/* The threads of a process of another pid namespace, by what it calls them.
 * None: everything is called what it calls itself. */
struct process_tids {
    struct proc_tid first; /* of one that has a single thread */
    struct proc_tid *list; /* sorted by the namespace's; NULL: only first */
    size_t count;
};

/* Release with process_tids_fini. */
int process_tids_init(struct process_tids *ret_tids,
                      const struct reader_process *process,
                      const struct proc *proc);
void process_tids_fini(struct process_tids *tids);

/* Its id as we see it; the same where it has ended meanwhile. */
uint32_t process_tid_seen(const struct process_tids *tids,
                          uint32_t namespace_tid);

/* Whether the process that made a segment is the one that proc is about; it
 * may run another program by now. */
bool process_is_same(const struct gcshim_header *header,
                     const struct proc_stat *stat);

#endif
