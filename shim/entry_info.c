/* glibc's windows onto malloc, which here tell of mimalloc: the malloc family
 * would otherwise speak of libc's own heap, where nothing is.
 *
 * As in glibc these are not for signal handlers, and but for mallopt() and
 * malloc_trim() they are for people: the figures of other threads are those
 * of their last census.
 */
#include "account.h"
#include "cache.h"
#include "census.h"
#include "entry.h"
#include "figures.h"
#include "huge.h"
#include "process.h"
#include "slot.h"
#include "thread.h"
#include "trim.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>

/* What there is to tell, each figure of this moment or of the last census. */
struct info {
    uint64_t used_bytes;
    uint64_t committed_bytes, committed_peak_bytes;
    uint64_t huge_blocks, huge_bytes;
    struct census_sum census;
};

static void info_take(struct info *ret_info)
{
    const struct gcshim_header *header = &region.segment.header;
    process_enter();
    if (thread.slot != SLOT_LATE && !thread.in_mimalloc && !thread.busy) {
        cache_flush();
        census_take();
    }
    figures_publish();
    ret_info->used_bytes = account_used();
    ret_info->committed_bytes = counter_read(&header->committed_bytes);
    ret_info->committed_peak_bytes =
        counter_read(&header->committed_peak_bytes);
    huge_sum(&ret_info->huge_blocks, &ret_info->huge_bytes);
    census_sum(&ret_info->census);
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

/* Without the huge blocks, which glibc would have mapped one by one. */
static uint64_t arena_bytes(const struct info *info)
{
    return less(info->committed_bytes, info->huge_bytes);
}

static uint64_t arena_used_bytes(const struct info *info)
{
    return less(info->used_bytes, info->huge_bytes);
}

/* What malloc_trim() could give back: pages that hold no used block, and
 * committed memory in no page. */
static uint64_t releasable_bytes(const struct info *info)
{
    return less(arena_bytes(info), info->census.page_bytes);
}

static struct mallinfo2 info_wide(void)
{
    struct info info;
    info_take(&info);
    return (struct mallinfo2){
        .arena = arena_bytes(&info),
        .ordblks = info.census.free_blocks,
        .hblks = info.huge_blocks,
        .hblkhd = info.huge_bytes,
        .uordblks = arena_used_bytes(&info),
        .fordblks = less(arena_bytes(&info), arena_used_bytes(&info)),
        .keepcost = releasable_bytes(&info),
    };
}

EXPORT struct mallinfo2 mallinfo2(void)
{
    return info_wide();
}

/* What does not fit into an int is INT_MAX, where glibc wraps around. */
static int to_int(size_t n)
{
    return n > INT_MAX ? INT_MAX : (int)n;
}

static struct mallinfo info_narrow(void)
{
    struct mallinfo2 wide = info_wide();
    return (struct mallinfo){
        .arena = to_int(wide.arena),
        .ordblks = to_int(wide.ordblks),
        .hblks = to_int(wide.hblks),
        .hblkhd = to_int(wide.hblkhd),
        .uordblks = to_int(wide.uordblks),
        .fordblks = to_int(wide.fordblks),
        .keepcost = to_int(wide.keepcost),
    };
}

EXPORT struct mallinfo mallinfo(void)
{
    return info_narrow();
}

EXPORT struct mallinfo __libc_mallinfo(void)
{
    return info_narrow();
}

/* pad, the room to leave, is mimalloc's to choose. */
EXPORT int malloc_trim(size_t pad)
{
    (void)pad;
    process_enter();
    return !thread.in_mimalloc && trim_all();
}

/* mimalloc has no such knobs; a program that turns one goes on. */
EXPORT int mallopt(int option, int value)
{
    (void)option;
    (void)value;
    return 1;
}

EXPORT int __libc_mallopt(int option, int value)
{
    (void)option;
    (void)value;
    return 1;
}

/* In the words and the order of glibc's. */
static void print_stats(const char *name, uint64_t system, uint64_t used)
{
    fprintf(stderr, "%s:\nsystem bytes     = %10" PRIu64
                    "\nin use bytes     = %10" PRIu64 "\n",
            name, system, used);
}

EXPORT void malloc_stats(void)
{
    struct info info;
    info_take(&info);
    flockfile(stderr);
    print_stats("Arena 0", arena_bytes(&info), arena_used_bytes(&info));
    print_stats("Total (incl. mmap)", info.committed_bytes, info.used_bytes);
    fprintf(stderr,
            "max mmap regions = %10" PRIu64 "\nmax mmap bytes   = %10" PRIu64
            "\n",
            info.huge_blocks, info.huge_bytes);
    funlockfile(stderr);
}

/* As glibc's, sizes are those of free blocks. */
static void print_class(FILE *file, const struct gcshim_class *class,
                        uint64_t from)
{
    uint64_t bytes = counter_read(&class->block_bytes);
    uint64_t free = counter_read(&class->capacity_blocks) -
                    counter_read(&class->used_blocks);
    if (free > 0)
        fprintf(file,
                "  <size from=\"%" PRIu64 "\" to=\"%" PRIu64
                "\" total=\"%" PRIu64 "\" count=\"%" PRIu64 "\"/>\n",
                from, bytes, free * bytes, free);
}

static void print_classes(FILE *file, const struct gcshim_count *count)
{
    uint64_t from = 1;
    fputs("<sizes>\n", file);
    for (int i = 0; i < GCSHIM_CLASSES; i++) {
        const struct gcshim_class *class = &count->classes[i];
        if (counter_read(&class->block_bytes) == 0)
            continue;
        print_class(file, class, from);
        from = counter_read(&class->block_bytes) + 1;
    }
    fputs("</sizes>\n", file);
}

static void print_total(FILE *file, const char *type, uint64_t blocks,
                        uint64_t bytes)
{
    fprintf(file,
            "<total type=\"%s\" count=\"%" PRIu64 "\" size=\"%" PRIu64
            "\"/>\n",
            type, blocks, bytes);
}

static void print_system(FILE *file, uint64_t now, uint64_t peak)
{
    fprintf(file,
            "<system type=\"current\" size=\"%" PRIu64 "\"/>\n"
            "<system type=\"max\" size=\"%" PRIu64 "\"/>\n"
            "<aspace type=\"total\" size=\"%" PRIu64 "\"/>\n"
            "<aspace type=\"mprotect\" size=\"%" PRIu64 "\"/>\n",
            now, peak, now, now);
}

static void print_heap(FILE *file, unsigned number,
                       const struct gcshim_count *count)
{
    struct census_sum sum;
    census_sum_of(count, &sum);
    uint64_t pages = sum.page_bytes + sum.empty_page_bytes;
    fprintf(file, "<heap nr=\"%u\">\n", number);
    print_classes(file, count);
    print_total(file, "fast", 0, 0);
    print_total(file, "rest", sum.free_blocks, sum.free_bytes);
    print_system(file, pages, pages);
    fputs("</heap>\n", file);
}

static void print_heaps(FILE *file)
{
    unsigned number = 0;
    uint64_t high = slots_high();
    for (uint64_t i = 0; i < high; i++) {
        struct gcshim_count count;
        if (census_copy(&region.segment.slots[i], &count))
            print_heap(file, number++, &count);
    }
}

EXPORT int malloc_info(int options, FILE *file)
{
    struct info info;
    if (options != 0)
        return EINVAL;
    info_take(&info);
    flockfile(file);
    fputs("<malloc version=\"1\">\n", file);
    print_heaps(file);
    print_total(file, "fast", 0, 0);
    print_total(file, "rest", info.census.free_blocks,
                info.census.free_bytes);
    print_total(file, "mmap", info.huge_blocks, info.huge_bytes);
    print_system(file, info.committed_bytes, info.committed_peak_bytes);
    fputs("</malloc>\n", file);
    funlockfile(file);
    return 0;
}
