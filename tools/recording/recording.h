/* A recording: what became of one process's figures, as docs/recording.md
 * describes the file.
 *
 * It is a list of entries in the order of time, each of one kind.  Times are
 * nanoseconds since the recording began.  Functions return 0 or -errno, print
 * nothing, and leave out-parameters untouched on failure. */
#ifndef GCSHIM_RECORDING_RECORDING_H
#define GCSHIM_RECORDING_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "reader/reader.h"
#include "recording/figures.h"

#define RECORDING_NS_PER_S UINT64_C(1000000000)

enum {
    RECORDING_FORMAT_VERSION = 1,
    RECORDING_ENTRIES_MAX = 1 << 20,
    RECORDING_FILE_BYTES_MAX = 1 << 28,
    RECORDING_LINE_BYTES_MAX = 1 << 16,
    RECORDING_CLASSES_MAX = 256,
    RECORDING_REASON_BYTES = 32,
};

/* The program that the process runs from now on. */
struct recording_process {
    uint32_t pid;
    char comm[READER_COMM_BYTES];
    char command[READER_COMMAND_BYTES]; /* "": not known */
};

/* What the figures were, and between which bounds some of them were since the
 * sample before.  One that stands for several has the last known figures. */
struct recording_sample {
    uint64_t figures[FIGURES_MAX];
    uint64_t least[FIGURE_RANGES];
    uint64_t most[FIGURE_RANGES];
    uint64_t samples; /* that it stands for */
    bool is_dead;
    enum reader_verdict verdict;
    char *evidence; /* NULL: none */
};

struct recording_classes {
    size_t count;
    struct reader_class classes[];
};

/* One collection or, in what has been thinned, the one of several that gave
 * back most, with what they all came to. */
struct recording_gc {
    struct reader_gc_event event; /* its age says nothing */
    char runtime[READER_RUNTIME_BYTES];
    uint64_t collections;
    uint64_t freed_bytes_sum;
    uint64_t pause_ns_sum;
};

/* Collections that came too fast to be recorded one by one. */
struct recording_gap {
    uint64_t collections;
};

struct recording_end {
    char reason[RECORDING_REASON_BYTES];
    uint64_t status; /* of the program, as a shell gives it; or UNKNOWN */
};

enum recording_kind {
    RECORDING_PROCESS,
    RECORDING_SAMPLE,
    RECORDING_CLASSES,
    RECORDING_GC,
    RECORDING_GAP,
    RECORDING_END,
    RECORDING_KINDS,
};

struct recording_entry {
    enum recording_kind kind;
    uint64_t time_ns;
    union { /* on the heap, owned by the entry; never NULL */
        void *any;
        struct recording_process *process;
        struct recording_sample *sample;
        struct recording_classes *classes;
        struct recording_gc *gc;
        struct recording_gap *gap;
        struct recording_end *end;
    };
};

struct recording {
    uint64_t began_unix_ns; /* time of day */
    uint64_t began_ns;      /* CLOCK_BOOTTIME */
    uint64_t interval_ns;
    struct recording_entry *entries;
    size_t count;
};

void recording_fini(struct recording *recording);

/* An entry of that kind, zeroed; of classes, with room for so many.  0 or
 * -ENOMEM. */
int recording_entry_make(struct recording_entry *ret_entry,
                         enum recording_kind kind, uint64_t time_ns,
                         size_t classes);
void recording_entry_fini(struct recording_entry *entry);

/* Adds an entry, and takes over what it owns, also where it fails: 0 or
 * -ENOMEM. */
int recording_add(struct recording *recording, struct recording_entry entry);

/* The first or the last entry of a kind, or NULL. */
const struct recording_entry *recording_first(const struct recording *recording,
                                              enum recording_kind kind);
const struct recording_entry *recording_last(const struct recording *recording,
                                             enum recording_kind kind);

/* How many entries of a kind there are. */
size_t recording_count(const struct recording *recording,
                       enum recording_kind kind);

/* When the last thing in it happened. */
uint64_t recording_length_ns(const struct recording *recording);

/* ---------------------------------------------------------------- lines */

/* Writes the first line of a file, or an entry's, with its newline. */
void recording_head_print(FILE *out, const struct recording *recording);
void recording_entry_print(FILE *out, const struct recording_entry *entry);

/* Reads them back.  -EPROTO with what is wrong in ret_reason; an entry of a
 * kind that is not known is -ENOMSG, to be passed over. */
int recording_head_parse(struct recording *ret_recording, const char *line,
                         char ret_reason[READER_REASON_BYTES]);
int recording_entry_parse(struct recording_entry *ret_entry, const char *line,
                          char ret_reason[READER_REASON_BYTES]);

/* Reads a whole file.  A last line without its end is passed over: whoever
 * wrote it was killed.  -EPROTO with a sentence that continues the file's
 * name.  Release with recording_fini. */
int recording_read(struct recording *ret_recording, const char *path,
                   char ret_reason[READER_REASON_BYTES]);

#endif
