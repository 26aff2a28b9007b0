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

/* A value that was estimated, and the variance of its error. */
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
    char *path;            /* as the process sees it; "": not known */
};

/* One call on a stack. */
struct reader_frame {
    /* Where it returns to, less the module's bias; absolute if no module.
     * The call itself is at address - 1. */
    uint64_t address;
    int module; /* index, or READER_MODULE_NONE */
    /* Of an interpreted language, else NULL; then address and module say
     * nothing.  Not the frame's own memory. */
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

struct reader_site {
    uint32_t number; /* in the segment: stable while the process lives */
    bool is_cut;     /* the stack was deeper than was taken */
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
    char *names;
};

/* Reads the profile of a process that reader_process_find or a survey found,
 * or of a file that reader_process_init read.  -ENODATA where there has been no
 * sampling.  -EPROTO with a sentence in ret_reason (may be NULL) where the
 * tables are not to be trusted.  Release with reader_profile_fini. */
int reader_profile_init(struct reader_profile *ret_profile,
                        const struct reader_process *process,
                        char ret_reason[READER_REASON_BYTES]);
void reader_profile_fini(struct reader_profile *profile);

/* Half the width of the 95 % confidence interval, where the estimate is of so
 * many samples that it is normal. */
double reader_estimate_error(const struct reader_estimate *estimate);

#endif
