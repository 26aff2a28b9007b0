/* What a test program knows of its own blocks, and the conversation in which
 * it says so.  Nothing here allocates: the ledger must not disturb what it
 * measures, so lines go through read and write, and the table is static. */
#ifndef LEDGER_H
#define LEDGER_H

#include <malloc.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Totals since the program's start, of the blocks that it asked for. */
struct ledger {
    uint64_t allocated_bytes;
    uint64_t allocated_blocks;
    uint64_t freed_bytes;
    uint64_t freed_blocks;
};

static inline void ledger_add(struct ledger *ledger, void *block)
{
    if (!block)
        abort();
    ledger->allocated_bytes += malloc_usable_size(block);
    ledger->allocated_blocks++;
}

/* Before the block is freed. */
static inline void ledger_sub(struct ledger *ledger, void *block)
{
    ledger->freed_bytes += malloc_usable_size(block);
    ledger->freed_blocks++;
}

static inline void ledger_join(struct ledger *to, const struct ledger *from)
{
    to->allocated_bytes += from->allocated_bytes;
    to->allocated_blocks += from->allocated_blocks;
    to->freed_bytes += from->freed_bytes;
    to->freed_blocks += from->freed_blocks;
}

static inline void say(const char *line, int length)
{
    if (write(STDOUT_FILENO, line, (size_t)length) != length)
        _exit(3);
}

static inline void await_line(void)
{
    char c;
    do {
        if (read(STDIN_FILENO, &c, 1) != 1)
            _exit(4);
    } while (c != '\n');
}

/* Says the totals and waits to be told to go on. */
static inline void ledger_report(const struct ledger *ledger)
{
    char line[128];
    say(line, snprintf(line, sizeof line, "%lu %lu %lu %lu\n",
                       (unsigned long)ledger->allocated_bytes,
                       (unsigned long)ledger->allocated_blocks,
                       (unsigned long)ledger->freed_bytes,
                       (unsigned long)ledger->freed_blocks));
    await_line();
}

/* xorshift64: the same numbers on every machine. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Mostly small, up to 1 MiB, as programs ask. */
static inline size_t random_size(uint64_t *state)
{
    uint64_t bits = next_random(state) % 21;
    return (size_t)(next_random(state) % ((UINT64_C(1) << bits) + 1));
}

#endif
