/* A made-up profile of a program whose addresses are known. */
#ifndef TOOLS_PROFILE_MADE_H
#define TOOLS_PROFILE_MADE_H

#include "reader/profile.h"

/* What the build has made: the programs, and of the first one a stripped copy
 * that names its debug file. */
#define C_PROGRAM   SPECIMEN_DIR "/symbols_specimen_c"
#define CXX_PROGRAM SPECIMEN_DIR "/symbols_specimen_cxx"
#define STRIPPED    SPECIMEN_DIR "/symbols_specimen_stripped"
#define DEBUG_FILE  SPECIMEN_DIR "/symbols_specimen_c.debug"

/* Fills in the build id that a file has. */
void build_id_read(struct reader_module *module, const char *path);

/* The address that one of the programs tells of itself by that name. */
uint64_t told(const char *program, const char *name);

enum {
    PROFILE_MEAN_BYTES = 4096,
    PROFILE_SITES = 5,
};

/* Two modules: a library that is not there, then C_PROGRAM.  Five sites:
 *   0  three calls, two of them inlined, and one of the library; 3000 of
 *      4000 bytes that live are those of two threads
 *   1  a frame of an interpreted language upon one of the program; all freed
 *   2  another frame of the same function, and a stack that was cut
 *   3  no stack
 *   4  those that there was no room for
 * All of it is static. */
const struct reader_profile *profile_made(void);

#endif
