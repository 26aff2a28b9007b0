/* The C API of libgcshim.so, for a runtime that wants to ask.
 *
 * Every function is a weak reference: a program built with this header runs
 * without the shim too, and must test the function's address before a call:
 *
 *     uint64_t used = gcshim_used ? gcshim_used() : 0;
 */
#ifndef GCSHIM_H
#define GCSHIM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GCSHIM_API __attribute__((weak))

/* Bytes in blocks that malloc and its kin have handed out and that are not
 * yet freed, in the whole process, by malloc_usable_size().  Exact while no
 * other thread allocates or frees; else it errs by what they did during the
 * call, upwards.  Costs a few nanoseconds for each thread slot ever used.
 * No errors.  May be called anywhere, in signal handlers and constructors
 * too; takes no lock, makes no system call, allocates nothing. */
GCSHIM_API uint64_t gcshim_used(void);

#ifdef __cplusplus
}
#endif
#endif
