#include "region.h"

#include "compiler.h"

/* The first of the tables: its own first pages are written to by every
 * process. */
__attribute__((section(".bss.region"))) struct region region;
