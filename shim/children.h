/* GCSHIM_CHILDREN=0: the program alone is of interest, and not what it
 * starts. */
#ifndef SHIM_CHILDREN_H
#define SHIM_CHILDREN_H

/* Takes the shim out of the environment's LD_PRELOAD, and leaves the others
 * that stand there.  When a process begins, before it has a second thread.
 * Neither allocates nor locks: libc's setenv may be what has called us. */
void children_spare(char **environment);

#endif
