#include "ranges.h"

#include "compiler.h"
#include "region.h"
#include "segment.h"

#include <stdbool.h>

enum { WORD_BITS = 64 };

/* As in the segment, for a fork child to find: the words, and in which chunks
 * of them there is anything. */
TABLE static _Atomic uint64_t known_words[GCSHIM_RANGE_WORDS];
static _Atomic uint64_t known_chunks[GCSHIM_RANGE_CHUNKS / WORD_BITS];

static void set_bits(_Atomic uint64_t *words, uint64_t index, uint64_t bits)
{
    atomic_fetch_or_explicit(&words[index], bits, memory_order_release);
}

/* A chunk that cannot be had stays unknown to readers. */
static void share(uint64_t word, uint64_t bits)
{
    uint64_t chunk = word / GCSHIM_RANGE_CHUNK_WORDS;
    if (!segment_reserve((void *)&region.segment.ranges[word], sizeof(bits)))
        return;
    set_bits(region.segment.ranges, word, bits);
    set_bits(region.segment.header.range_chunks, chunk / WORD_BITS,
             UINT64_C(1) << chunk % WORD_BITS);
}

static bool is_known_chunk(uint64_t chunk)
{
    return atomic_load_explicit(&known_chunks[chunk / WORD_BITS],
                                memory_order_relaxed) >>
               chunk % WORD_BITS &
           1;
}

/* The chunk first: a word in a fresh page is better written to than read. */
static bool is_known(uint64_t word, uint64_t bit)
{
    return is_known_chunk(word / GCSHIM_RANGE_CHUNK_WORDS) &&
           (atomic_load_explicit(&known_words[word], memory_order_relaxed) &
            bit);
}

static void note(uint64_t range)
{
    uint64_t word = range / WORD_BITS, bit = UINT64_C(1) << range % WORD_BITS;
    if (word >= GCSHIM_RANGE_WORDS || is_known(word, bit))
        return;
    uint64_t chunk = word / GCSHIM_RANGE_CHUNK_WORDS;
    set_bits(known_words, word, bit);
    set_bits(known_chunks, chunk / WORD_BITS, UINT64_C(1) << chunk % WORD_BITS);
    share(word, bit);
}

void ranges_note(const void *from, size_t bytes)
{
    uint64_t first = (uintptr_t)from >> GCSHIM_RANGE_SHIFT;
    uint64_t last = ((uintptr_t)from + bytes - 1) >> GCSHIM_RANGE_SHIFT;
    for (uint64_t range = first; range <= last; range++)
        note(range);
}

static void chunk_share(uint64_t chunk)
{
    for (uint64_t i = 0; i < GCSHIM_RANGE_CHUNK_WORDS; i++) {
        uint64_t word = chunk * GCSHIM_RANGE_CHUNK_WORDS + i;
        uint64_t bits =
            atomic_load_explicit(&known_words[word], memory_order_relaxed);
        if (bits)
            share(word, bits);
    }
}

void ranges_inherit(void)
{
    for (uint64_t chunk = 0; chunk < GCSHIM_RANGE_CHUNKS; chunk++)
        if (is_known_chunk(chunk))
            chunk_share(chunk);
}
