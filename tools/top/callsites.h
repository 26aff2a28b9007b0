/* The call sites of the process in detail, read while their panel is open. */
#ifndef GCSHIM_TOP_CALLSITES_H
#define GCSHIM_TOP_CALLSITES_H

#include "top/model.h"

/* Begins as {0}.  Release with callsites_fini. */
struct callsites {
    struct sites sites;
    bool is_read; /* there are sites, of this process */
    uint32_t pid;
    uint64_t created_ns;
    uint64_t due_ns; /* when they are to be read anew */
};

/* Reads them if they are looked at and it is time, and gives them to the model;
 * now_ns: any steady clock.  Symbols may take some time: they are read anew
 * so seldom that it takes a twentieth of ours. */
void callsites_follow(struct callsites *callsites, struct model *model,
                      uint64_t now_ns);
void callsites_fini(struct callsites *callsites);

#endif
