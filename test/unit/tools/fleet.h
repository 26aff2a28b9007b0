/* A survey of made-up processes, for the model and its views. */
#ifndef TOOLS_FLEET_H
#define TOOLS_FLEET_H

#include "reader/reader.h"

/* count live processes with pids 101, 102, ...; each uses pid MiB of twice
 * as much and has two threads; the command is "program-PID run".  The last
 * one is dead if last_dead. */
struct reader_survey fleet(uint32_t count, int last_dead);

#endif
