/* The file in /dev/shm: created, mapped over region.segment, removed.
 *
 *     private --segment_open--> shared --segment_detach--> private
 *
 * While private, the same bytes are counted in, but no reader sees them.
 */
#ifndef SHIM_SEGMENT_H
#define SHIM_SEGMENT_H

#include "identity.h"

#include <stdbool.h>
#include <stddef.h>

/* Creates the file and maps it, empty, in the place of region.segment, be that
 * still private memory or a parent's file.  0, or -errno with private memory
 * there, empty too.  used_slots: how many have been used so far, for which
 * there is room.  Signals must be blocked and no other thread may count
 * meanwhile. */
int segment_open(const struct identity *identity, uint64_t used_slots);

/* Writes the header, all but its magic, and what it says of the layout. */
void segment_describe(const struct identity *identity);

/* Goes live; harmless while private. */
void segment_publish(void);

/* In a fork child: puts private memory in the place of the parent's file.
 * Its content is gone. */
void segment_detach(void);

/* Makes sure that bytes of region.segment exist before they are touched: in a
 * full /dev/shm a touch would be a SIGBUS.  False if they cannot be had.  No
 * descriptor is needed, so that it works in a chroot and without rights. */
bool segment_reserve(const void *from, size_t bytes);

/* The same for a slot and some that follow it. */
bool segment_reserve_slot(uint64_t index);

/* Removes the file, or marks it as left over where it cannot; harmless while
 * private.  may_unlink: whether to try. */
void segment_remove(bool may_unlink);

/* Reserves what may be needed while that may still be done. */
void segment_reserve_for_sandbox(void);

bool segment_is_shared(void);

/* Its path, "" while private. */
const char *segment_path(void);

#endif
