/* The life of the account in a process: its beginning at the first malloc,
 * in a fork child at the first malloc or free or right after the fork, and
 * its end.
 */
#ifndef SHIM_PROCESS_H
#define SHIM_PROCESS_H

#include "region.h"

#include <stdbool.h>

void process_begin(void);

/* False in the first instructions of a process, and in a fork child until
 * its own segment stands.  P: [begin] */
static inline bool process_has_begun(void)
{
    return atomic_load_explicit(&region.wiped.begun, memory_order_acquire);
}

/* Begins the account if that is still to be done. */
static inline void process_enter(void)
{
    if (!process_has_begun())
        process_begin();
}

/* The pid of the process whose account this is.  In a vfork child, which
 * shares its parent's memory, the parent's. */
uint32_t process_id(void);

/* Whether the account was inherited over a fork. */
bool process_is_child(void);

/* From here on the process may be killed for a system call that its author
 * did not foresee: make none that mimalloc would not make.  Its file is left
 * for readers to remove.  Nothing happens in a vfork child, whose sandbox is
 * not its parent's. */
void process_enter_sandbox(void);

bool process_is_sandboxed(void);

/* Closes the account: the last figures, the report, the file removed.  Only
 * the first call does anything, and none in a vfork child. */
void process_end(void);

#endif
