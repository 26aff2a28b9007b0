/* What a fork child must not inherit (it is a part of region.h): the kernel
 * zeroes it at fork (MADV_WIPEONFORK), however the child was made.
 *
 * It is what the fast path looks up first.  Zeroed, it knows no block that is
 * fast, so that the child's first malloc or free goes to the slow path, and
 * begins the child's own account, before a byte of its parent's segment has
 * been written to.  The same brings a process to its beginning.
 */
#ifndef SHIM_WIPED_H
#define SHIM_WIPED_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
    WIPED_ALIGNMENT = 4096,
    REQUEST_WORD = 8,
    REQUEST_SMALL_MAX = 1024,
    REQUESTS = REQUEST_SMALL_MAX / REQUEST_WORD + 1,
};

struct wiped {
    /* 1 once this process has begun its account; the rest is set after it.
     * P: [begin] */
    alignas(WIPED_ALIGNMENT) _Atomic uint32_t begun;
    /* 1 from when a thread has taken it on itself to begin it. */
    _Atomic uint32_t beginning;
    /* Blocks of fewer bytes are in no list (samples.h). */
    _Atomic uint64_t unlisted_below;
    /* The class that serves a request of so many words (class.h). */
    _Atomic uint8_t class_by_request[REQUESTS];
};

#endif
