/* Call stacks, taken by libunwind.
 *
 * libunwind.so exports _Unwind_*, and a program that found them in its global
 * scope would throw its C++ exceptions through them: so it is opened with
 * RTLD_LOCAL, and only when sampling is on.  What else there is to mind:
 *
 *     locks     none that anybody may hold who waits for us.  libunwind is
 *               told to keep no cache that needs a lock; the files that code
 *               lies in are found by _dl_find_object(), which takes none, in
 *               the place of dl_iterate_phdr(), which takes the loader's
 *     fork      libunwind's pools of memory have locks, held for a moment.  A
 *               fork waits for stacks that are being taken, but not for long;
 *               where that was not long enough, the child takes none any more
 *     signals   blocked meanwhile: no handler finds libunwind half way
 *     the stack that is looked at may have no room left: the work is done on
 *               one of our own
 *     files     libunwind opens a pipe, to find out whether an address can be
 *               read, and would write to whatever has its number later.  It
 *               gets none, and asks us instead
 *     loading   takes the loader's lock, which somebody who waits for this
 *               thread may hold: not from within malloc, but while the program
 *               begins, or in a thread that nobody waits for
 *     memory    a thread's fast tracing keeps 400 KiB: for a few threads only
 */
#ifndef SHIM_STACK_H
#define SHIM_STACK_H

#include "gcshim/layout.h"

#include <stdbool.h>

struct dl_phdr_info;

struct stack {
    uint32_t depth;
    bool is_cut; /* there are further calls */
    /* The innermost call first; the shim's own left out.  Of code: where the
     * call returns to, and no module yet.  Others as the segment has them. */
    struct gcshim_frame frames[GCSHIM_STACK_DEPTH_MAX];
};

/* Loads libunwind; false if that cannot be.  While the program begins. */
bool stack_load(void);

/* The same in a thread of its own, which then calls done, and ends.  False if
 * there can be none; done is not called then.  From within malloc. */
bool stack_load_later(void (*done)(bool is_loaded));

bool stack_is_loaded(void);

/* Takes the calling thread's stack and has it looked at on one of our own,
 * signals blocked.  False if none could be taken.  No handler of this thread
 * may be in here already: thread.busy is set. */
bool stack_take(void (*look)(struct stack *stack, void *arg), void *arg);

/* Where, of the frames of the stack that is being looked at, the one ends that
 * the address lies in: its canonical frame address.  False if there is none.
 * In look alone. */
bool stack_frame_end(uint64_t address, uint64_t *ret_end);

/* The calling thread ends. */
void stack_thread_exit(void);

/* Around a fork, in the thread that forks. */
void stack_before_fork(void);
void stack_after_fork(void);
void stack_in_child(void);

/* For dl_iterate_phdr(): false unless libunwind asks, on our behalf, which
 * file an address lies in. */
bool stack_asks_loader(void);
int stack_tell_module(int (*callback)(struct dl_phdr_info *, size_t, void *),
                      void *data);

#endif
