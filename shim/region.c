#include "region.h"

/* Its place is told in sections.ld. */
__attribute__((section(".bss.region"))) struct region region;
