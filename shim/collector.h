/* Collectors: the runtimes whose garbage collection is watched and, if that is
 * asked for, paced.
 *
 * An adapter is one file that ends in one constant table, and one line in the
 * list in collector.c.  It finds its runtime by the symbols that the process
 * has, without headers of it.
 *
 *     idle --a goal is crossed, or someone asks--> asked
 *     asked --the adapter's safe point has come and gone--> idle
 */
#ifndef SHIM_COLLECTOR_H
#define SHIM_COLLECTOR_H

#include "gcshim/layout.h"

#include <stdbool.h>
#include <stdint.h>

struct collector {
    const char *name;
    /* Else it paces itself, and is asked for a collection on request alone. */
    bool is_paced;
    /* Whether the runtime is in this process.  In the constructor: may look
     * symbols up and allocate. */
    bool (*find)(void);
    /* Now and then, on any thread, within malloc: attaches when the runtime is
     * ready.  Allocates nothing itself. */
    void (*tick)(void);
    /* Arranges for a collection at the runtime's next safe point, which then
     * calls collector_serve(); false if that cannot be had from this thread at
     * this moment.  Within malloc. */
    bool (*ask)(void);
    /* In a fork child: what was arranged may be gone. */
    void (*forked)(void);
};

extern const struct collector collector_cpython;
extern const struct collector collector_ruby;

/* In the constructor: looks for each. */
void collectors_find(void);

/* At a tick.  used: bytes in use, or UINT64_MAX where nobody has asked. */
void collectors_tick(uint64_t used_bytes);

/* In a fork child. */
void collectors_forked(void);

/* A runtime that has no adapter has called the API, to be observed or paced:
 * from now on there is a pacer.  Costs a load where it has before. */
void collector_start_api(enum gcshim_gc_mode mode);

/* Its collections begin and end. */
void collector_api_begin(unsigned generation);
void collector_api_end(uint64_t objects);

/* Whether it is to collect: by the pacer, or on request.  Any context. */
bool collector_api_should_collect(void);

/* It asks to be called back. */
typedef void collector_callback(void *arg, int why);
void collector_register(collector_callback *callback, void *arg);

/* By an adapter at its safe point: collects one generation by collect(), then
 * the next, until memory is back or, where someone has asked for it, the whole
 * heap is collected.  collect returns false where nothing was collected.
 * is_wanted: the runtime's collector is not turned off. */
void collector_serve(bool is_wanted, bool (*collect)(void *arg, int generation),
                     void *arg);

/* Or, where its safe point came and was of no use. */
void collector_pass(void);

/* A collection has been seen, whoever asked for it. */
struct pacer_collection;
void collector_collected(const struct pacer_collection *collection,
                         bool is_whole);

/* The pacer's answers.  Any context. */
bool collector_should_collect(void);
uint64_t collector_goal(void);

/* Whether an allocation must fail: with so many bytes more it is beyond
 * GCSHIM_GC_MAX, which is set, and a collection has not helped. */
bool collector_refuses(uint64_t more_bytes);

/* How many bytes more until that must be asked again.  At the limit each
 * thread may go beyond it by what it was told here. */
uint64_t collector_room(void);

#endif
