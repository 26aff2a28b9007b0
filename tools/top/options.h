/* The command line of gcshim-top. */
#ifndef GCSHIM_TOP_OPTIONS_H
#define GCSHIM_TOP_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/choice.h"
#include "top/columns.h"
#include "top/model.h"

struct options {
    bool batch, json, threads, tree, mouse;
    uint64_t refreshes;  /* 0: no end */
    double interval_s;   /* 0: as the model has it */
    enum column_id sort; /* COLUMN_COUNT: as the model has it */
    struct choice choice;
};

/* Fills in the options and returns -1, or has done all that there is to do
 * (-h, a mistake) and returns the exit status.  Release with options_fini. */
int options_init(struct options *ret_options, int argc, char **argv);
void options_fini(struct options *options);

#endif
