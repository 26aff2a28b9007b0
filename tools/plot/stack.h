/* The picture of size classes over time: areas, one upon the other. */
#ifndef GCSHIM_PLOT_STACK_H
#define GCSHIM_PLOT_STACK_H

#include <stdio.h>

#include "recording/recording.h"

enum { STACK_TOP = 8, STACK_TOP_MAX = 16 };

/* Writes gnuplot's script: above what blocks in use take up, below what the
 * pages do that hold them, each by size class; the top of them by themselves,
 * and all others together.  0 or -ENOMEM. */
int stack_print(FILE *script, const struct recording *recording, size_t top);

/* The block sizes that took up most, the smallest first, at most so many: how
 * many there are. */
size_t stack_sizes(const struct recording *recording, size_t top,
                   uint64_t ret_sizes[STACK_TOP_MAX]);

/* The layers of the picture: of these sizes, and one more of all others. */
struct stack_layers {
    uint64_t sizes[STACK_TOP_MAX];
    size_t count;
};

typedef uint64_t stack_measure(const struct reader_class *class);

/* What each layer comes to. */
void stack_layers_of(const struct stack_layers *layers,
                     const struct recording_classes *classes,
                     stack_measure *measure,
                     uint64_t ret_bytes[STACK_TOP_MAX + 1]);

/* What pages of a class that hold a block in use have room for. */
uint64_t stack_room(const struct reader_class *class);

#endif
