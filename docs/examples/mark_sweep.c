/* A toy mark-sweep collector that paces itself by the memory in use.
 *
 *     mark_sweep [ROUNDS]
 *
 * Run it with LD_PRELOAD=libgcshim.so and it collects when gcshim says so.
 * Without, gcshim_gc_should_collect() returns -1, and it falls back on what a
 * collector without eyes does: count its objects, and collect at twice as many
 * as the last collection left.
 *
 * What matters is in heap_is_full() and collect(); all else is a heap of
 * trees, each object with a payload from malloc that a count of objects knows
 * nothing of.
 */
#include <gcshim/gcshim.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_OBJECTS = 1000, ROOTS = 64, DEPTH = 6, PAYLOAD = 2000 };

struct object {
    struct object *next; /* of all objects */
    struct object *left, *right, *parent; /* the parent makes it a cycle */
    char *payload;
    uint32_t number;
    bool is_marked;
};

static struct {
    struct object *objects;
    struct object *roots[ROOTS];
    uint64_t count;
    uint64_t count_at_goal; /* used where gcshim is not there */
    uint64_t collections, freed;
} heap = {.count_at_goal = FIRST_OBJECTS};

static void mark(struct object *object)
{
    if (!object || object->is_marked)
        return;
    object->is_marked = true;
    mark(object->left);
    mark(object->right);
}

static void destroy(struct object *object)
{
    free(object->payload);
    free(object);
}

/* Returns how many objects died. */
static uint64_t sweep(void)
{
    uint64_t died = 0;
    struct object **link = &heap.objects;
    while (*link) {
        struct object *object = *link;
        if (object->is_marked) {
            object->is_marked = false;
            link = &object->next;
            continue;
        }
        *link = object->next;
        destroy(object);
        died++;
    }
    return died;
}

/* Between begin and end gcshim measures what came back and how long it took,
 * and afterwards knows a new goal: this was a collection of the whole heap. */
static void collect(void)
{
    gcshim_gc_begin(GCSHIM_GC_WHOLE);
    for (int i = 0; i < ROOTS; i++)
        mark(heap.roots[i]);
    uint64_t died = sweep();
    gcshim_gc_end(died);

    heap.count -= died;
    heap.freed += died;
    heap.collections++;
    heap.count_at_goal = heap.count * 2;
    if (heap.count_at_goal < FIRST_OBJECTS)
        heap.count_at_goal = FIRST_OBJECTS;
}

/* A few nanoseconds: cheap enough to be asked at each allocation. */
static bool heap_is_full(void)
{
    int is_due = gcshim_gc_should_collect();
    return is_due < 0 ? heap.count >= heap.count_at_goal : is_due;
}

/* Every allocation is a safe point: what is wanted hangs on a root.  Beyond
 * GCSHIM_GC_MAX malloc fails, and garbage may be in the way. */
static void *take(size_t bytes)
{
    if (heap_is_full())
        collect();
    void *p = malloc(bytes);
    if (!p) {
        collect();
        p = malloc(bytes);
    }
    if (!p) {
        fputs("mark_sweep: out of memory\n", stderr);
        exit(1);
    }
    return p;
}

/* Hangs the object where it belongs before anything else is asked for: a
 * collection may come with any allocation. */
static void tree_new(struct object **link, struct object *parent,
                     uint32_t number, int depth)
{
    struct object *object = take(sizeof(*object));
    *object = (struct object){
        .next = heap.objects, .parent = parent, .number = number};
    heap.objects = *link = object;
    heap.count++;
    object->payload = take(PAYLOAD);
    memset(object->payload, (int)number & 0x7f, PAYLOAD);
    if (depth == 0)
        return;
    tree_new(&object->left, object, number, depth - 1);
    tree_new(&object->right, object, number, depth - 1);
}

/* Every object of the tree is alive and as it was made. */
static bool tree_is_whole(const struct object *object, uint32_t number,
                          int depth)
{
    if (object->number != number ||
        object->payload[PAYLOAD - 1] != (char)(number & 0x7f))
        return false;
    return depth == 0 || (object->left->parent == object &&
                          tree_is_whole(object->left, number, depth - 1) &&
                          tree_is_whole(object->right, number, depth - 1));
}

static bool roots_are_whole(void)
{
    for (int i = 0; i < ROOTS; i++)
        if (heap.roots[i] &&
            !tree_is_whole(heap.roots[i], heap.roots[i]->number, DEPTH))
            return false;
    return true;
}

int main(int argc, char **argv)
{
    long rounds = argc > 1 ? atol(argv[1]) : 2000;
    for (long i = 0; i < rounds; i++) {
        /* The tree that hung there before is garbage now. */
        tree_new(&heap.roots[i % ROOTS], NULL, (uint32_t)i, DEPTH);
    }
    bool is_whole = roots_are_whole();
    printf("paced by %s: %lu collections, %lu objects died, %lu left, %s\n",
           gcshim_gc_goal() == GCSHIM_UNKNOWN ? "count" : "gcshim",
           (unsigned long)heap.collections, (unsigned long)heap.freed,
           (unsigned long)heap.count, is_whole ? "whole" : "BROKEN");
    memset(heap.roots, 0, sizeof(heap.roots));
    collect();
    printf("%lu objects at the end\n", (unsigned long)heap.count);
    return is_whole && heap.count == 0 ? 0 : 1;
}
