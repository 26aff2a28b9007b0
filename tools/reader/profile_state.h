/* What has become of sampling, without the call sites. */
#ifndef GCSHIM_READER_PROFILE_STATE_H
#define GCSHIM_READER_PROFILE_STATE_H

#include "reader/profile.h"
#include "reader/segment.h"

/* Of a segment that has a profile; served is the last request that was served,
 * read before the others.  P: [profile] */
int profile_state_read(const struct segment *segment, uint32_t *ret_served,
                       enum reader_sampling *ret_state,
                       uint64_t *ret_mean_bytes);

#endif
