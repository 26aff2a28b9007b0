/* One file that code was mapped from: finding it, and knowing it for the one
 * that ran. */
#ifndef GCSHIM_SYMBOLS_MODULE_H
#define GCSHIM_SYMBOLS_MODULE_H

#include <elfutils/libdwfl.h>

#include "symbols/lines.h"
#include "symbols/place.h"

/* Begins as zeros. */
struct module {
    const struct reader_module *recorded;
    const struct place *place;
    bool with_servers;
    enum symbols_state state;
    char note[SYMBOLS_NOTE_BYTES]; /* "": nothing is amiss */

    /* The file, and by what name we see it: libdwfl's, once it has asked. */
    int fd;
    Elf *elf;
    char *name;

    Dwfl_Callbacks callbacks;
    Dwfl *dwfl;
    Dwfl_Module *in_dwfl;
    uint64_t bias;       /* of libdwfl's addresses over the file's */
    uint64_t debug_bias; /* over those of the debug information */
    struct lines lines;
};

/* Whatever comes of it is in state and note: 0 or -ENOMEM.  At most once. */
int module_open(struct module *module);
void module_close(struct module *module);

/* Adds the calls at an address of the file: 0 or -ENOMEM. */
int module_find(struct module *module, uint64_t address, struct calls *calls);

#endif
