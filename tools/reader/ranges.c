/* The ranges of addresses: see ranges.h. */
#include "reader/ranges.h"

#include <errno.h>
#include <stdlib.h>

#include "reader/array.h"
#include "reader/refuse.h"

enum {
    WORD_BITS = 64,
    RANGES_MAX = 16384, /* half a TiB in the worst of cases */
};

/* What has been found so far. */
struct map {
    struct reader_range *ranges;
    size_t count;
};

static int map_add(struct map *map, uint64_t index,
                   char reason[READER_REASON_BYTES])
{
    uint64_t begin = index << GCSHIM_RANGE_SHIFT;
    uint64_t end = (index + 1) << GCSHIM_RANGE_SHIFT;
    void *array = map->ranges;
    int err = 0;

    if (map->count > 0 && map->ranges[map->count - 1].end == begin) {
        map->ranges[map->count - 1].end = end;
        return 0;
    }
    if (map->count == RANGES_MAX)
        return refuse(reason, "has memory in more than %d pieces", RANGES_MAX);
    err = array_grow(&array, map->count, sizeof(*map->ranges));
    if (err)
        return err;
    map->ranges = array;
    map->ranges[map->count++] = (struct reader_range){begin, end};
    return 0;
}

static int word_add(struct map *map, uint64_t word, uint64_t bits,
                    char reason[READER_REASON_BYTES])
{
    int err = 0;

    for (; bits != 0 && err == 0; bits &= bits - 1)
        err = map_add(map, word * WORD_BITS + (uint64_t)__builtin_ctzll(bits),
                      reason);
    return err;
}

static int chunk_read(struct map *map, const struct segment *segment,
                      size_t chunk, char reason[READER_REASON_BYTES])
{
    uint64_t words[GCSHIM_RANGE_CHUNK_WORDS];
    size_t first = chunk * GCSHIM_RANGE_CHUNK_WORDS;
    int err = segment_read(segment, words, sizeof(words),
                           segment_entry(segment, GCSHIM_SECTION_RANGES, first),
                           reason);

    for (size_t i = 0; i < GCSHIM_RANGE_CHUNK_WORDS && err == 0; i++)
        err = word_add(map, first + i, words[i], reason);
    return err;
}

static bool has_chunk(const struct gcshim_header *header, size_t chunk)
{
    uint64_t word = header->range_chunks[chunk / WORD_BITS];

    return word >> chunk % WORD_BITS & 1;
}

int ranges_read(const struct segment *segment,
                const struct gcshim_header *header,
                struct reader_range **ret_ranges, size_t *ret_count,
                char ret_reason[READER_REASON_BYTES])
{
    struct map map = {0};
    bool is_there = segment->sections[GCSHIM_SECTION_RANGES].entries != 0;
    int err = 0;

    for (size_t i = 0; is_there && i < GCSHIM_RANGE_CHUNKS && err == 0; i++) {
        if (has_chunk(header, i))
            err = chunk_read(&map, segment, i, ret_reason);
    }
    if (err) {
        free(map.ranges);
        return err;
    }
    *ret_ranges = map.ranges;
    *ret_count = map.count;
    return 0;
}

/* The first range that ends above an address, or count. */
static size_t range_find(const struct reader_range *ranges, size_t count,
                         uint64_t address)
{
    size_t low = 0;
    size_t high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;

        if (ranges[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint64_t ranges_overlap(const struct reader_range *ranges, size_t count,
                        uint64_t begin, uint64_t end)
{
    uint64_t overlap = 0;

    for (size_t i = range_find(ranges, count, begin);
         i < count && ranges[i].begin < end; i++) {
        uint64_t from = ranges[i].begin > begin ? ranges[i].begin : begin;
        uint64_t to = ranges[i].end < end ? ranges[i].end : end;

        overlap += to - from;
    }
    return overlap;
}
