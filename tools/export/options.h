/* The command line of gcshim-export. */
#ifndef GCSHIM_EXPORT_OPTIONS_H
#define GCSHIM_EXPORT_OPTIONS_H

#include <stdbool.h>

#include "export/listen.h"
#include "export/scrape.h"

struct options {
    bool once;
    const char *listen; /* as it was given */
    struct listen_place place;
    struct scrape_wish wish;
};

/* Fills in the options and returns -1, or has done all that there is to do
 * (-h, a mistake) and returns the exit status.  Release with options_fini. */
int options_init(struct options *ret_options, int argc, char **argv);
void options_fini(struct options *options);

#endif
