/* The C API of libgcshim.so, for a runtime that wants to know how much memory
 * is in use, or to let its garbage collector be paced by it.
 *
 * Every function is a weak reference, and its name, used as a call, is a macro
 * that tests it first: a program built with this header runs without the shim
 * too, links nothing, and each call then gives the value that its comment
 * names as unknown.
 *
 * Units are bytes and nanoseconds.  No call allocates, takes a lock or keeps a
 * pointer that it is given, but for gcshim_gc_on_request().  errno stays as it
 * is.  "Anywhere" means: in any thread, in signal handlers, constructors and
 * fork children too.
 */
#ifndef GCSHIM_H
#define GCSHIM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Through the table of addresses that the loader fills in: in a program that
 * is not position-independent the linker would otherwise settle once and for
 * all that there is no shim.  clang has no such attribute: -fno-plt does the
 * same, where -fno-pie is asked for. */
#if defined(__has_attribute)
#if __has_attribute(noplt)
#define GCSHIM_API __attribute__((weak, noplt))
#endif
#endif
#ifndef GCSHIM_API
#define GCSHIM_API __attribute__((weak))
#endif
#define GCSHIM_UNKNOWN UINT64_MAX

/* Bytes in blocks that malloc and its kin have handed out and that are not
 * yet freed, in the whole process, by malloc_usable_size().  Exact while no
 * other thread allocates or frees; else it errs by what they did during the
 * call, upwards.  Costs a few nanoseconds for each thread slot ever used.
 * Anywhere.  Unknown: GCSHIM_UNKNOWN. */
GCSHIM_API uint64_t gcshim_used(void);

/* The figures of the process.  Those of mimalloc are as old as the last
 * publication, some milliseconds while the program allocates. */
struct gcshim_snapshot {
    uint64_t used_bytes;
    uint64_t used_peak_bytes;
    uint64_t allocated_bytes; /* committed by mimalloc */
    uint64_t allocated_peak_bytes;
    uint64_t allocated_total_bytes; /* ever handed out */
    uint64_t allocated_total_blocks;
    uint64_t freed_total_bytes;
    uint64_t freed_total_blocks;
    uint64_t huge_bytes; /* in blocks above 128 KiB */
    uint64_t huge_blocks;
};

/* Fills in the first `bytes` bytes of it, sizeof(struct gcshim_snapshot) of
 * the header that the caller was built with; later versions only add fields,
 * and what a shim does not know yet becomes GCSHIM_UNKNOWN.  Costs as
 * gcshim_used().  Anywhere.  Returns 0; -1 is unknown, nothing filled in. */
GCSHIM_API int gcshim_snapshot(struct gcshim_snapshot *ret_snapshot,
                               size_t bytes);

/* The generation of a collection of the whole heap. */
#define GCSHIM_GC_WHOLE 2

/* A collection begins, or ends, in this thread.  generation: 0, the youngest,
 * to GCSHIM_GC_WHOLE.  objects: how many were collected, GCSHIM_UNKNOWN if
 * that is not counted.  Between the two calls used is measured, and so are the
 * pause and what was given back; an end without a begin is passed over.  A
 * whole collection gives the pacer a new goal.  Costs as gcshim_used(), twice
 * the clock, and some 100 ns.  Not in signal handlers. */
GCSHIM_API void gcshim_gc_begin(unsigned generation);
GCSHIM_API void gcshim_gc_end(uint64_t objects);

/* Whether a collection is due, by the pacer or because gcshim-ctl asks for
 * one: 1 or 0; -1 is unknown.  The pacer
 * works by the GCSHIM_GC_* variables (see gcshim(7)) from the first call of
 * this, of gcshim_gc_goal() or of gcshim_gc_on_request(), whatever GCSHIM_GC
 * says.  Costs as gcshim_used().  Anywhere. */
GCSHIM_API int gcshim_gc_should_collect(void);

/* Bytes in use at which a collection is due.  Costs a nanosecond.  Anywhere.
 * Unknown: GCSHIM_UNKNOWN. */
GCSHIM_API uint64_t gcshim_gc_goal(void);

/* Why a collection is asked for. */
enum gcshim_gc_reason {
    GCSHIM_GC_REASON_GOAL = 1,    /* the pacer's goal was reached */
    GCSHIM_GC_REASON_LIMIT = 2,   /* GCSHIM_GC_MAX was reached */
    GCSHIM_GC_REASON_REQUEST = 4 /* gcshim-ctl PID collect */
};

/* Calls back when a collection is wanted.  The call comes from within malloc
 * or free, on whichever thread is there, and again while memory grows on: the
 * function may note that it was called, in an atomic variable or the like, and
 * nothing else; the runtime collects when it is safe.  One function a process;
 * NULL takes it back.  Not in signal handlers.  Returns 0; -1 is unknown. */
typedef void gcshim_gc_request(void *arg, int reason);
GCSHIM_API int gcshim_gc_on_request(gcshim_gc_request *request, void *arg);

#ifndef GCSHIM_NO_MACROS
#define gcshim_used() (gcshim_used ? gcshim_used() : GCSHIM_UNKNOWN)
#define gcshim_snapshot(snapshot, bytes)                                     \
    (gcshim_snapshot ? gcshim_snapshot(snapshot, bytes) : -1)
#define gcshim_gc_begin(generation)                                          \
    (gcshim_gc_begin ? gcshim_gc_begin(generation) : (void)0)
#define gcshim_gc_end(objects)                                               \
    (gcshim_gc_end ? gcshim_gc_end(objects) : (void)0)
#define gcshim_gc_should_collect()                                           \
    (gcshim_gc_should_collect ? gcshim_gc_should_collect() : -1)
#define gcshim_gc_goal() (gcshim_gc_goal ? gcshim_gc_goal() : GCSHIM_UNKNOWN)
#define gcshim_gc_on_request(request, arg)                                   \
    (gcshim_gc_on_request ? gcshim_gc_on_request(request, arg) : -1)
#endif

#ifdef __cplusplus
}
#endif
#endif
