/* Call sites: who asked for the memory that is in use, and for all that was
 * ever asked for while sampling was on.
 *
 * Figures are estimates from samples, each with the variance of its error;
 * where every block was taken (huge ones, or a mean of 1 byte) it is 0.
 */
#ifndef GCSHIM_READER_PROFILE_H
#define GCSHIM_READER_PROFILE_H

#include "reader/reader.h"

enum {
    READER_BUILD_ID_BYTES = 32,
    /* Of a frame: code that is of no file (made at run time). */
    READER_MODULE_NONE = -1,
};

/* What has become of sampling: enum gcshim_sampling of the layout. */
enum reader_sampling {
    READER_SAMPLING_OFF,
    READER_SAMPLING_ON,
    READER_SAMPLING_STARTING,
    READER_SAMPLING_NO_UNWINDER,
    READER_SAMPLING_SANDBOXED,
    READER_SAMPLING_TOO_MANY_MEANS,
    READER_SAMPLING_UNKNOWN, /* a shim that does not sample, or a newer one */
};

/* A value that was estimated, and the variance of its error; both finite and
 * not negative. */
struct reader_estimate {
    double value;
    double variance;
};

/* A file that code was mapped from. */
struct reader_module {
    uint64_t start, end; /* of the mapping */
    uint64_t bias;       /* what was added to the addresses in the file */
    uint8_t build_id[READER_BUILD_ID_BYTES];
    size_t build_id_bytes; /* 0: none */
    const char *path;      /* as the process sees it; "": not known */
};

/* One call on a stack. */
struct reader_frame {
    /* Where it returns to, less the module's bias; absolute if no module.
     * The call itself is at address - 1. */
    uint64_t address;
    int module; /* index, or READER_MODULE_NONE */
    /* Of an interpreted language, else NULL; then address and module say
     * nothing.  file is "" where it is not known.  Not the frame's own memory.
     */
    const char *function;
    const char *file;
    uint32_t line; /* 0: not known */
};

/* Blocks of one site that live, of one thread. */
struct reader_site_thread {
    uint32_t tid; /* of who asked for them, as this reader sees it */
    char name[READER_COMM_BYTES]; /* "" if the kernel cannot tell any more */
    struct reader_estimate live_bytes, live_blocks;
};

/* What has been asked for by one call stack.  Two have no stack, and stand for
 * many: those that could not be taken, and those that there was no room for. */
struct reader_site {
    uint32_t number; /* in the segment: stable while the process lives */
    bool is_cut;     /* the stack was deeper than was taken */
    bool is_beyond;  /* no frames, as there was no room for one more stack */
    /* The innermost first; none where no stack could be taken. */
    const struct reader_frame *frames;
    size_t frame_count;
    uint64_t samples;      /* taken here */
    uint64_t live_samples; /* of these, blocks that are in use */
    struct reader_estimate live_bytes, live_blocks;
    struct reader_estimate total_bytes, total_blocks;
    struct reader_site_thread *threads; /* of what lives, most bytes first */
    size_t thread_count;
    uint64_t oldest_ms, youngest_ms; /* ages of live samples; UNKNOWN: none */
};

struct reader_profile {
    enum reader_sampling state;
    uint64_t mean_bytes; /* 0: off */
    uint64_t age_ms;     /* since it was last turned on; UNKNOWN: never */
    uint64_t used_bytes; /* exact, for comparison; as in reader_process */
    uint64_t began_ms;   /* from the process's start to then; UNKNOWN: never */
    /* The greatest mean that samples were taken with, which is what a site of
     * small blocks may hold without a single sample; 0: there was none. */
    uint64_t most_mean_bytes;
    /* Huge blocks that live and were allocated while sampling was off. */
    uint64_t unsampled_huge_bytes;
    struct reader_estimate live_bytes, live_blocks; /* sums over sites */
    struct reader_estimate total_bytes, total_blocks;
    /* What did not fit. */
    uint64_t samples_unlisted; /* in the totals, not in what lives */
    uint64_t sites_dropped, modules_dropped, names_dropped;

    struct reader_site *sites; /* most live bytes first, then most total */
    size_t site_count;
    struct reader_module *modules;
    size_t module_count;

    /* PRIVATE */
    struct reader_frame *frames;
    struct reader_site_thread *threads;
    char *names, *paths;
};

/* Reads the profile of a process that reader_process_find or a survey found,
 * or of a file that reader_process_init read.  -ENODATA where there has been no
 * sampling.  -ENOENT where the process has ended meanwhile and its segment
 * with it.  -EPROTO with a sentence in ret_reason (may be NULL) where the
 * tables are not to be trusted.  Release with reader_profile_fini. */
int reader_profile_init(struct reader_profile *ret_profile,
                        const struct reader_process *process,
                        char ret_reason[READER_REASON_BYTES]);
void reader_profile_fini(struct reader_profile *profile);

/* ---- estimates: estimate.c ---- */

/* A block of so many bytes, sampled with this mean (0: for certain), is the
 * only one that was sampled; bytes is not 0. */
struct reader_estimate reader_estimate_bytes(uint64_t bytes, uint64_t mean);
struct reader_estimate reader_estimate_blocks(uint64_t bytes, uint64_t mean);

/* Sum of two independent ones. */
struct reader_estimate reader_estimate_sum(struct reader_estimate a,
                                           struct reader_estimate b);

/* A range that holds the true value in 95 of 100 cases.  It is not symmetric:
 * of few samples there may be far more than it seems, and not much less.  unit:
 * what one sample would have stood for, where there was none; 0: the value is
 * then taken for exact. */
struct reader_range95 {
    double low, high;
};
struct reader_range95 reader_estimate_range(struct reader_estimate estimate,
                                            double unit);

/* The same of now - then, which are taken for independent. */
struct reader_range95 reader_estimate_change(struct reader_estimate now,
                                             double now_unit,
                                             struct reader_estimate then,
                                             double then_unit);

#endif
