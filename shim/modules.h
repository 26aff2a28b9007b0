/* The files that code was mapped from, noted as stacks come by them, so that
 * addresses mean something after the process has ended.  One caller at a time
 * (see sites.c). */
#ifndef SHIM_MODULES_H
#define SHIM_MODULES_H

#include <stdint.h>

/* The module of a code address on the calling thread's stack, which keeps it
 * loaded.  Takes no lock of the loader.  0: none, or no room. */
uint32_t modules_find(uint64_t address);

/* What is to be taken off the address to have it as in the module's file. */
uint64_t modules_bias(uint32_t module);

/* In a fork child, when its own segment stands. */
void modules_inherit(void);

#endif
