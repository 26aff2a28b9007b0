/* Who descends from whom among the processes of a survey. */
#ifndef GCSHIM_READER_KIN_H
#define GCSHIM_READER_KIN_H

#include "reader/reader.h"

/* Sets the ancestor of each process of a survey that is in order: the nearest
 * one that is in the survey too, past parents that have no account.  Reads a
 * file of /proc for each of those, once: 0 or -ENOMEM. */
int kin_find(struct reader_survey *survey);

#endif
