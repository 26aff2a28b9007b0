/* The file of a recording while it grows: never larger than it may be, and
 * whole up to its last line whenever its writer is killed. */
#ifndef GCSHIM_RECORDING_STORE_H
#define GCSHIM_RECORDING_STORE_H

#include <sys/types.h>

#include "recording/recording.h"

enum { STORE_BYTES_MIN = 256 << 10, STORE_BYTES_DEFAULT = 8 << 20 };

struct store {
    struct recording recording; /* all that is in the file */
    char *path;                 /* of the file itself, links resolved */
    int fd;
    mode_t mode;
    uint64_t bytes;
    uint64_t bytes_max;
};

/* Makes or empties the file, and writes what head has of a first line: 0 or
 * -errno; -EPROTO where it is no regular file.  Release with store_close. */
int store_open(struct store *ret_store, const char *path, uint64_t bytes_max,
               const struct recording *head);

/* Adds an entry, and takes it over: 0 or -errno.  Where there is no room for
 * it, all is thinned to about half. */
int store_add(struct store *store, struct recording_entry entry);

/* 0 or -errno. */
int store_close(struct store *store);

#endif
