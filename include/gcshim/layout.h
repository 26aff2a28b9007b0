/* The bytes of a segment, /dev/shm/gcshim.<pid>.<start>.<pid namespace>.
 *
 * One process writes a segment, any number of readers read it; nobody waits
 * for anybody.  This file is the one description of the layout; docs/layout.md
 * tells the same in words, for readers in other languages.
 *
 * How a field is read here:
 *   W  who writes it;  R  who reads it;  P  the pairing, a name that stands
 *   at both ends and in docs/concurrency.md.
 * A field without these is written before the segment goes live ([magic])
 * and never again.  All integers are little-endian; all times are nanoseconds
 * of CLOCK_BOOTTIME; all sizes are bytes.
 *
 * Glossary
 *   slot       a thread's account.  Owned by one thread at a time, its only
 *              writer, and handed on to a later thread when that one exits
 *   late slot  slot 0: the shared account of whoever has no slot of its own
 *              (destructors that run after a thread's release, a full table)
 *   used       bytes in blocks handed out and not yet freed, a block's size
 *              being what malloc_usable_size() says of it:
 *
 *       used = sum over all slots of (allocated_bytes - freed_bytes)
 *
 *   The counters of a slot are never reset and never folded into others, so
 *   the equation needs no hand-over at thread exit and cannot lose a byte.
 *
 *   page       mimalloc's: a run of memory cut into blocks of one size
 *   block size what a page is cut into: 8 B to 128 KiB in mimalloc 2
 *   huge block one above 128 KiB, which has a page of its own (mimalloc calls
 *              those up to 16 MiB large, and only those above huge)
 *   census     what one thread's heap consists of, counted by that thread
 *   committed  what mimalloc has from the system, touched or not
 *   sample     a block whose call stack was taken.  Bytes allocated are hit
 *              by chance, one in so many (the mean) on the average, and a
 *              block of n bytes is a sample with the probability
 *              p = 1 - exp(-n / mean); it stands for 1 / p blocks of its kind.
 *              While sampling is on every huge block is one, with p = 1
 *   site       a call stack that blocks were asked for from
 */
#ifndef GCSHIM_LAYOUT_H
#define GCSHIM_LAYOUT_H

#include <assert.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

static_assert(sizeof(void *) == 8, "the layout is for 64-bit machines");
static_assert(ATOMIC_INT_LOCK_FREE == 2 && ATOMIC_LLONG_LOCK_FREE == 2,
              "a locked atomic does not work across processes");

/* "gcshim01", read as one little-endian word. */
#define GCSHIM_MAGIC UINT64_C(0x31306d6968736367)
#define GCSHIM_SEGMENT_DIR "/dev/shm"
#define GCSHIM_SEGMENT_PREFIX "gcshim."

enum {
    /* Raised when a reader of the old layout would read the new one wrongly.
     * New sections and fields in reserved room do not raise it. */
    GCSHIM_LAYOUT_VERSION = 1,
    GCSHIM_HEADER_BYTES = 4096,
    GCSHIM_SLOT_BYTES = 128,
    GCSHIM_SLOTS = 16384,
    GCSHIM_SLOT_LATE = 0,
    GCSHIM_SECTIONS = 16,
    GCSHIM_COMM_BYTES = 16,
    GCSHIM_SETTINGS_BYTES = 1024,

    /* The threads in the slots from here on have no census. */
    GCSHIM_CENSUSES = 2048,
    GCSHIM_CENSUS_BYTES = 5760,
    /* Block sizes: 8 to 64 in steps of 8, then four to each doubling. */
    GCSHIM_CLASSES = 56,

    /* Usable bytes above which a block is huge. */
    GCSHIM_HUGE_ABOVE = 128 * 1024,
    /* The list of huge blocks grows by whole levels, of this many entries. */
    GCSHIM_HUGE_LEVELS = 3,
    GCSHIM_HUGE_LEVEL_0 = 128,
    GCSHIM_HUGE_LEVEL_1 = 1024,
    GCSHIM_HUGE_LEVEL_2 = 8192,
    GCSHIM_HUGE_ENTRIES =
        GCSHIM_HUGE_LEVEL_0 + GCSHIM_HUGE_LEVEL_1 + GCSHIM_HUGE_LEVEL_2,

    /* The history: level 0 has a point at most every 100 ms, each further
     * level one for four of the level before it. */
    GCSHIM_HISTORY_LEVELS = 12,
    GCSHIM_HISTORY_POINTS = 128,
    GCSHIM_HISTORY_FAN = 4,

    /* The map of ranges: a bit for each 32 MiB of 128 TiB of addresses. */
    GCSHIM_RANGE_SHIFT = 25,
    GCSHIM_RANGE_WORDS = 65536,
    GCSHIM_RANGE_CHUNK_WORDS = 512,
    GCSHIM_RANGE_CHUNKS = GCSHIM_RANGE_WORDS / GCSHIM_RANGE_CHUNK_WORDS,

    GCSHIM_GC_BYTES = 4096,
    GCSHIM_GC_GENERATIONS = 3,
    GCSHIM_GC_EVENTS = 512,
    GCSHIM_GC_RUNTIME_BYTES = 32,

    GCSHIM_PROFILE_BYTES = 512,
    /* Means that samples may have been taken with; 0 stands for p = 1. */
    GCSHIM_MEANS = 16,
    GCSHIM_SITES = 8192,
    GCSHIM_FRAMES = 131072,
    GCSHIM_MODULES = 512,
    GCSHIM_MODULE_BYTES = 512,
    GCSHIM_BUILD_ID_BYTES = 32,
    GCSHIM_NAMES = 4096,
    GCSHIM_NAME_BYTES = 256,
    GCSHIM_STACK_DEPTH_MAX = 128,
    /* The list of samples grows as that of huge blocks. */
    GCSHIM_SAMPLE_LEVELS = 3,
    GCSHIM_SAMPLE_LEVEL_0 = 1024,
    GCSHIM_SAMPLE_LEVEL_1 = 8192,
    GCSHIM_SAMPLE_LEVEL_2 = 65536,
    GCSHIM_SAMPLES = GCSHIM_SAMPLE_LEVEL_0 + GCSHIM_SAMPLE_LEVEL_1 +
                     GCSHIM_SAMPLE_LEVEL_2,

    /* The site of a listed block: the index of the site, and of the mean. */
    GCSHIM_SITE_MASK = 0xffffff,
    GCSHIM_SITE_MEAN_SHIFT = 24,
    /* Sites that are none: no stack was taken (sampling was off); it could
     * not be taken; there was no room for one more. */
    GCSHIM_SITE_NONE = 0,
    GCSHIM_SITE_UNKNOWN = 1,
    GCSHIM_SITE_NO_ROOM = 2,
    GCSHIM_SITE_FIRST = 8,

    /* The module of a frame: none known (code made at run time); a function
     * of an interpreted language, whose name is at names[address]; 0 there: not
     * known, or there was no room for it. */
    GCSHIM_MODULE_NONE = 0,
    GCSHIM_MODULE_NAMED = 0x7fffffff,
};

/* What has become of sampling. */
enum gcshim_sampling {
    GCSHIM_SAMPLING_OFF = 0,
    GCSHIM_SAMPLING_ON = 1,
    GCSHIM_SAMPLING_STARTING = 2,   /* libunwind is being loaded */
    GCSHIM_SAMPLING_NO_UNWINDER = 3, /* libunwind.so.8 cannot be loaded */
    GCSHIM_SAMPLING_SANDBOXED = 4,
    GCSHIM_SAMPLING_TOO_MANY_MEANS = 5,
};

/* What the shim does about the runtime's collections. */
enum gcshim_gc_mode {
    GCSHIM_GC_OFF = 0,
    GCSHIM_GC_OBSERVE = 1,
    GCSHIM_GC_PACE = 2,
};

/* Of a collection. */
enum gcshim_gc_flag {
    GCSHIM_GC_ASKED = 1,     /* by the pacer */
    GCSHIM_GC_EMERGENCY = 2, /* as the limit was reached */
    GCSHIM_GC_ON_REQUEST = 4 /* by gcshim-ctl */
};

/* What a section holds.  A reader passes over kinds that it does not know. */
enum gcshim_section_kind {
    GCSHIM_SECTION_NONE = 0,
    GCSHIM_SECTION_SLOTS = 1,   /* struct gcshim_slot */
    GCSHIM_SECTION_CENSUS = 2,  /* struct gcshim_census, one a slot */
    GCSHIM_SECTION_HUGE = 3,    /* struct gcshim_huge */
    GCSHIM_SECTION_HISTORY = 4, /* struct gcshim_point, level after level */
    GCSHIM_SECTION_RANGES = 5,  /* uint64_t, a bit each range */
    GCSHIM_SECTION_GC = 6,      /* struct gcshim_gc, one */
    GCSHIM_SECTION_GC_EVENTS = 7, /* struct gcshim_gc_event, a ring */
    GCSHIM_SECTION_PROFILE = 8,   /* struct gcshim_profile, one */
    GCSHIM_SECTION_SITES = 9,     /* struct gcshim_site */
    GCSHIM_SECTION_FRAMES = 10,   /* struct gcshim_frame */
    GCSHIM_SECTION_MODULES = 11,  /* struct gcshim_module */
    GCSHIM_SECTION_NAMES = 12,    /* struct gcshim_name */
    GCSHIM_SECTION_SAMPLES = 13,  /* struct gcshim_huge */
};

enum gcshim_flag {
    /* The process ended by itself but could not remove the file: it had
     * changed its user or its root, or had entered a sandbox.  Readers pass
     * the file over and may remove it. */
    GCSHIM_FLAG_LEFT_OVER = 1,
};

/* Where a table lies in the file. */
struct gcshim_section {
    uint32_t kind;
    uint32_t entry_bytes;
    uint64_t offset;
    uint64_t entries;
};

/* Totals since the process began; each only grows.  Used by a slot and, as
 * the difference of two, by readers. */
struct gcshim_counters {
    _Atomic uint64_t allocated_bytes;
    _Atomic uint64_t allocated_blocks;
    _Atomic uint64_t freed_bytes;
    _Atomic uint64_t freed_blocks;
};

/* One thread's account.  128 bytes, so that two threads never share a pair
 * of cache lines. */
struct gcshim_slot {
    /* Odd while the slot changes hands, else even; two more for each owner.
     * W: claimant.  R: before and after a copy of the slot.  P: [slot-epoch] */
    alignas(GCSHIM_SLOT_BYTES) _Atomic uint32_t epoch;

    /* The owner's thread id in its own pid namespace, 0 while free; always 0
     * in the late slot.  W: claimant, owner.  R: any.  P: [slot-epoch] */
    _Atomic uint32_t tid;

    /* W: owner by plain stores (late slot: anybody, by atomic adds).  R: any,
     * freed before allocated, so that no free is seen without its
     * allocation.  P: [freed-first] */
    struct gcshim_counters total;

    /* What total stood at when the owner claimed the slot: the owner's own
     * figures are total - at_claim.  W: claimant.  R: any.  P: [slot-epoch] */
    struct gcshim_counters at_claim;

    /* When the owner claimed it.  W: claimant.  R: any.  P: [slot-epoch] */
    _Atomic uint64_t claimed_ns;

    /* The last request to trim that the owner has served.  W: claimant,
     * owner.  R: any, after header.trim_requested.  P: [trim] */
    _Atomic uint32_t trimmed;

    /* Freed blocks in the owner's cache, and the room to note them in; as of
     * one of its last 16 ticks.  In the late slot huge blocks, kept for all
     * threads.  W: owner (late slot: any).  R: any. */
    alignas(8) _Atomic uint64_t cached_bytes;
};

/* The pages of one thread that have one block size.  Blocks are counted in
 * those pages only that hold a used block: a wholly free page could go back
 * to the system, and counts as empty. */
struct gcshim_class {
    _Atomic uint64_t block_bytes; /* 0: no such page */
    _Atomic uint32_t pages;
    _Atomic uint32_t full_pages;  /* with no free block */
    _Atomic uint32_t empty_pages; /* with no used block */
    uint32_t reserved;
    /* used <= capacity <= reserved: handed out; cut so far; fit in.  A block
     * that another thread has freed may still count as used. */
    _Atomic uint64_t used_blocks;
    _Atomic uint64_t capacity_blocks;
    _Atomic uint64_t reserved_blocks;
};

/* One count of a thread's heap. */
struct gcshim_count {
    _Atomic uint64_t taken_ns;
    _Atomic uint64_t cost_ns; /* what the counting took */
    /* The slot's epoch and totals then: whose heap it was, and how much has
     * changed since. */
    _Atomic uint32_t slot_epoch;
    uint32_t reserved;
    _Atomic uint64_t allocated_bytes;
    _Atomic uint64_t freed_bytes;
    /* Huge blocks in use in this heap. */
    _Atomic uint64_t huge_blocks;
    _Atomic uint64_t huge_bytes;
    /* What all pages with a used block take up, and all empty ones. */
    _Atomic uint64_t page_bytes;
    _Atomic uint64_t empty_page_bytes;
    /* What in used blocks is the thread's cache, of which the program uses
     * nothing. */
    _Atomic uint64_t cached_bytes;
    uint64_t reserved_too[6];
    struct gcshim_class classes[GCSHIM_CLASSES];
};

/* One thread's census, at its slot's index. */
struct gcshim_census {
    /* The number of counts so far.  The last one lies in
     * counts[(taken - 1) % 2]; the other is being written.  W: owner, after
     * the count.  R: before and after a copy.  P: [census] */
    _Atomic uint64_t taken;
    uint64_t reserved[15];
    struct gcshim_count counts[2];
};

/* A huge block, or in the list of samples a sample that is not huge.  The
 * tables are hash tables of the shim's own; to readers they are lists with
 * gaps. */
struct gcshim_huge {
    /* What malloc returned; 0: no block.  W: who allocates, last; who frees,
     * first.  R: twice, with the rest.  P: [huge] */
    _Atomic uint64_t address;
    _Atomic uint64_t bytes;        /* usable */
    _Atomic uint64_t allocated_ns; /* good to a few milliseconds */
    _Atomic uint32_t tid;          /* of who asked for it */
    /* The site, and the mean << GCSHIM_SITE_MEAN_SHIFT. */
    _Atomic uint32_t site;
};

/* One point of the history.  W: who publishes.  R: before the level's count
 * has gone round.  P: [history] */
struct gcshim_point {
    _Atomic uint64_t time_ns;
    _Atomic uint64_t used_bytes;
    _Atomic uint64_t used_peak_bytes; /* since the point before */
    _Atomic uint64_t committed_bytes;
};

/* The collections of the runtime's garbage collector, all together since the
 * process began.  In use once runtime is not empty.  W: who collects, by
 * atomic adds, and by plain stores for what is of the last one alone.  R: any,
 * each alone. */
struct gcshim_gc {
    char runtime[GCSHIM_GC_RUNTIME_BYTES]; /* "cpython 3.11"; NUL-terminated */
    _Atomic uint32_t mode;                 /* enum gcshim_gc_mode */
    /* The runtime keeps its objects where no shim sees them. */
    _Atomic uint32_t is_blind;
    _Atomic uint64_t collections[GCSHIM_GC_GENERATIONS];
    _Atomic uint64_t objects_collected;
    _Atomic uint64_t pause_ns_last;
    _Atomic uint64_t pause_ns_max;
    _Atomic uint64_t pause_ns_total;
    _Atomic uint64_t used_before_last;
    _Atomic uint64_t used_after_last;
    _Atomic uint64_t freed_bytes_total; /* sum of used before - used after */
    /* Of the pacer: used after the last whole collection, and the used at
     * which it asks for the next; 0 without. */
    _Atomic uint64_t baseline_bytes;
    _Atomic uint64_t goal_bytes;
    _Atomic uint64_t asked; /* times that the pacer asked */
    _Atomic uint64_t events; /* ever put into the ring */
    /* The last request of gcshim-ctl that has been served.  P: [collect] */
    _Atomic uint32_t collect_served;
    uint32_t reserved;
    uint64_t reserved_too[492];
};

/* One collection, at index number % GCSHIM_GC_EVENTS of the ring. */
struct gcshim_gc_event {
    /* 2 * (number + 1) when whole, odd while it is being written.  W: who
     * collects.  R: before and after a copy.  P: [gc-event] */
    _Atomic uint64_t sequence;
    _Atomic uint64_t begin_ns;
    _Atomic uint64_t pause_ns;
    _Atomic uint64_t used_before;
    _Atomic uint64_t used_after;
    _Atomic uint64_t objects; /* UINT64_MAX: not known */
    _Atomic uint32_t generation;
    _Atomic uint32_t flags; /* enum gcshim_gc_flag */
    _Atomic uint32_t tid;
    uint32_t reserved;
};

/* Sampling: whether, how, and what did not fit.  All but the first four
 * only grow. */
struct gcshim_profile {
    _Atomic uint32_t state;      /* enum gcshim_sampling */
    /* The last request of gcshim-ctl that has been served.  P: [profile] */
    _Atomic uint32_t served;
    _Atomic uint64_t mean_bytes; /* in force; 0: off */
    _Atomic uint64_t since_ns;   /* when it was last turned on */
    /* Entries in use of these tables; what lies below is whole.  W: who adds,
     * in its turn.  R: before the table.  P: [profile-tables] */
    _Atomic uint32_t frames;
    _Atomic uint32_t modules; /* at indices 1 to modules */
    _Atomic uint32_t names;   /* 0 among them, which is none */
    uint32_t reserved;
    /* Entries of the list of samples that may be in use. */
    _Atomic uint64_t samples_high;
    /* Samples of no list: their frees will not be seen, so that they are in
     * the totals of their sites and not in what is live. */
    _Atomic uint64_t samples_unlisted;
    /* Sites, modules and names that were met when their table was full. */
    _Atomic uint64_t sites_dropped;
    _Atomic uint64_t modules_dropped;
    _Atomic uint64_t names_dropped;
    _Atomic uint64_t means[GCSHIM_MEANS];
    uint64_t reserved_too[38];
};

/* A call stack, and what has been asked for from there while sampling was on.
 * Each sum is over samples, unbiased (each counts 1 / p), with its variance:
 * the sum of (1 - p) / p^2 times the square of 1 or of the bytes (Horvitz and
 * Thompson's estimator, independent draws).  W: who takes a sample, by
 * compare-and-swap.  R: any, each alone. */
struct gcshim_site {
    _Atomic uint64_t hash; /* of the stack; 0: free */
    _Atomic uint32_t first_frame;
    /* W: who made the site, last.  0: not known yet, or none.
     * P: [profile-tables] */
    _Atomic uint32_t frames;
    _Atomic uint64_t samples;
    _Atomic double bytes;
    _Atomic double bytes_variance;
    _Atomic double blocks;
    _Atomic double blocks_variance;
    _Atomic uint32_t is_cut; /* the stack was deeper than was taken */
    uint32_t reserved;
};

/* One call on a stack, the innermost first: where it will return to.  The
 * call itself is at address - 1.  Written before the site that has it. */
struct gcshim_frame {
    uint64_t address; /* less the module's bias, as in its ELF file */
    uint32_t module;  /* index, or GCSHIM_MODULE_... */
    uint32_t line;    /* of a named one, 0: not known */
};

/* A file that code was mapped from. */
struct gcshim_module {
    uint64_t start, end; /* of the mapping */
    uint64_t bias;       /* what was added to the addresses in the file */
    uint32_t build_id_bytes; /* 0: none */
    uint32_t reserved;
    uint8_t build_id[GCSHIM_BUILD_ID_BYTES];
    /* NUL-terminated; "": not known.  A path too long has lost its end. */
    char path[GCSHIM_MODULE_BYTES - 64];
};

/* A function of an interpreted language: its name, NUL, its file, NUL. */
struct gcshim_name {
    uint64_t hash;
    char text[GCSHIM_NAME_BYTES - 8];
};

struct gcshim_header {
    /* 0 until all else is written.  W: creator, last.  R: first. P: [magic] */
    _Atomic uint64_t magic;
    uint32_t layout_version;
    uint32_t header_bytes;
    uint64_t file_bytes;

    /* Who: ids as the process itself sees them, in its pid namespace. */
    uint32_t pid;
    uint32_t parent_pid;
    uint32_t uid;
    /* Of enum gcshim_flag.  W: the process at its end.  R: any. */
    _Atomic uint32_t flags;
    /* Inode of /proc/self/ns/pid; 0 where /proc is missing. */
    uint64_t pid_namespace;
    /* Fields 22 and 28 of /proc/self/stat: start time in clock ticks since
     * boot, and the stack's start.  The first stays over exec, the second
     * does not (where addresses are randomised).  0 where /proc is missing. */
    uint64_t start_time_ticks;
    uint64_t stack_start;
    uint64_t created_ns;
    char comm[GCSHIM_COMM_BYTES]; /* NUL-terminated */

    uint32_t section_count;
    uint32_t reserved;
    struct gcshim_section sections[GCSHIM_SECTIONS];

    /* Slots 0 .. slots_high-1 have been used so far; only grows.
     * W: claimants.  R: after the freed counters, before the allocated ones.
     * P: [slots-high] */
    alignas(512) _Atomic uint64_t slots_high;

    /* Process-wide figures, each good by itself, as of published_ns.
     * committed: what mimalloc has committed from the system.  used_peak: the
     * largest sum of used that was seen; at most 128 KiB a thread below the
     * true peak for a few threads (see docs/layout.md).
     * W: whichever thread publishes.  R: any, each alone. */
    _Atomic uint64_t committed_bytes;
    _Atomic uint64_t committed_peak_bytes;
    _Atomic uint64_t used_peak_bytes;
    _Atomic uint64_t published_ns;

    /* Threads that found no slot and count into the late slot: their bytes
     * are in the totals, their own figures are lost.  W: any, by atomic add.
     * R: any. */
    _Atomic uint64_t dropped_threads;

    /* When the process ended by itself and left this file on request
     * (GCSHIM_KEEP); 0 while it runs, and after a crash.  W: the process at
     * its end.  R: any. */
    _Atomic uint64_t ended_ns;

    /* Huge blocks in use, and those of them that are not in the list.
     * W: any, by atomic add.  R: any, each alone. */
    _Atomic uint64_t huge_blocks;
    _Atomic uint64_t huge_bytes;
    _Atomic uint64_t huge_unlisted;
    /* Entries of the list that may be in use; only grows. */
    _Atomic uint64_t huge_high;

    /* What threads left behind at their exit, all together since the process
     * began: used blocks, free blocks in the pages of these, and those pages
     * whole.  W: a thread at its exit, by atomic add.  R: any. */
    _Atomic uint64_t left_used_bytes;
    _Atomic uint64_t left_free_bytes;
    _Atomic uint64_t left_page_bytes;

    /* Points ever put into each level of the history.  P: [history] */
    _Atomic uint64_t history_points[GCSHIM_HISTORY_LEVELS];

    /* Which chunks of the map of ranges have a bit set.  W: any, by atomic
     * or.  R: any. */
    _Atomic uint64_t range_chunks[GCSHIM_RANGE_CHUNKS / 64];

    /* The number of the last request to give memory back.  W: gcshim-ctl,
     * with the file locked; the process itself (malloc_trim).  R: threads at
     * their ticks.  P: [trim] */
    alignas(128) _Atomic uint32_t trim_requested;

    /* The number of the last request to collect garbage.  W: gcshim-ctl, with
     * the file locked.  R: threads at their ticks.  P: [collect] */
    _Atomic uint32_t collect_requested;

    /* The mean that sampling is to have, 0 for off; and the number of that
     * request.  W: gcshim-ctl, with the file locked, the number last.
     * R: threads at their ticks.  P: [profile] */
    _Atomic uint64_t profile_wanted_bytes;
    _Atomic uint32_t profile_requested;

    /* What the figures were when someone asked to remember them; 0 at
     * baseline_ns: nobody has.  W: gcshim-ctl, with the file locked, the time
     * last.  R: readers. */
    alignas(128) _Atomic uint64_t baseline_ns;
    _Atomic uint64_t baseline_used_bytes;
    _Atomic uint64_t baseline_committed_bytes;
    _Atomic uint64_t baseline_resident_bytes; /* UINT64_MAX: not known */
    _Atomic uint64_t baseline_allocated_total_bytes;
    _Atomic uint64_t baseline_freed_total_bytes;

    /* The settings in force, "key:value,key:value", NUL-terminated. */
    alignas(1024) char settings[GCSHIM_SETTINGS_BYTES];
};

struct gcshim_segment {
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_header header;
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_slot slots[GCSHIM_SLOTS];
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_census censuses[GCSHIM_CENSUSES];
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_huge huge[GCSHIM_HUGE_ENTRIES];
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_point
        history[GCSHIM_HISTORY_LEVELS][GCSHIM_HISTORY_POINTS];
    alignas(GCSHIM_HEADER_BYTES) _Atomic uint64_t ranges[GCSHIM_RANGE_WORDS];
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_gc gc;
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_gc_event
        gc_events[GCSHIM_GC_EVENTS];
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_profile profile;
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_site sites[GCSHIM_SITES];
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_frame frames[GCSHIM_FRAMES];
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_module modules[GCSHIM_MODULES];
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_name names[GCSHIM_NAMES];
    alignas(GCSHIM_HEADER_BYTES) struct gcshim_huge samples[GCSHIM_SAMPLES];
};

static_assert(sizeof(struct gcshim_section) == 24, "layout");
static_assert(sizeof(struct gcshim_counters) == 32, "layout");
static_assert(sizeof(struct gcshim_slot) == GCSHIM_SLOT_BYTES, "layout");
static_assert(offsetof(struct gcshim_slot, tid) == 4, "layout");
static_assert(offsetof(struct gcshim_slot, total) == 8, "layout");
static_assert(offsetof(struct gcshim_slot, at_claim) == 40, "layout");
static_assert(offsetof(struct gcshim_slot, claimed_ns) == 72, "layout");
static_assert(offsetof(struct gcshim_header, file_bytes) == 16, "layout");
static_assert(offsetof(struct gcshim_header, pid) == 24, "layout");
static_assert(offsetof(struct gcshim_header, pid_namespace) == 40, "layout");
static_assert(offsetof(struct gcshim_header, created_ns) == 64, "layout");
static_assert(offsetof(struct gcshim_header, comm) == 72, "layout");
static_assert(offsetof(struct gcshim_header, section_count) == 88, "layout");
static_assert(offsetof(struct gcshim_header, sections) == 96, "layout");
static_assert(offsetof(struct gcshim_header, slots_high) == 512, "layout");
static_assert(offsetof(struct gcshim_header, ended_ns) == 560, "layout");
static_assert(offsetof(struct gcshim_slot, trimmed) == 80, "layout");
static_assert(offsetof(struct gcshim_slot, cached_bytes) == 88, "layout");
static_assert(sizeof(struct gcshim_class) == 48, "layout");
static_assert(sizeof(struct gcshim_count) == 128 + 48 * GCSHIM_CLASSES,
              "layout");
static_assert(offsetof(struct gcshim_count, huge_blocks) == 40, "layout");
static_assert(sizeof(struct gcshim_census) == GCSHIM_CENSUS_BYTES, "layout");
static_assert(sizeof(struct gcshim_huge) == 32, "layout");
static_assert(sizeof(struct gcshim_point) == 32, "layout");
static_assert(sizeof(struct gcshim_gc) == GCSHIM_GC_BYTES, "layout");
static_assert(offsetof(struct gcshim_gc, collections) == 40, "layout");
static_assert(offsetof(struct gcshim_gc, collect_served) == 152, "layout");
static_assert(sizeof(struct gcshim_gc_event) == 64, "layout");
static_assert(sizeof(struct gcshim_profile) == GCSHIM_PROFILE_BYTES, "layout");
static_assert(offsetof(struct gcshim_profile, samples_high) == 40, "layout");
static_assert(offsetof(struct gcshim_profile, means) == 80, "layout");
static_assert(sizeof(struct gcshim_site) == 64, "layout");
static_assert(sizeof(_Atomic double) == 8, "layout");
static_assert(sizeof(struct gcshim_frame) == 16, "layout");
static_assert(sizeof(struct gcshim_module) == GCSHIM_MODULE_BYTES, "layout");
static_assert(offsetof(struct gcshim_module, path) == 64, "layout");
static_assert(sizeof(struct gcshim_name) == GCSHIM_NAME_BYTES, "layout");
static_assert(offsetof(struct gcshim_header, huge_blocks) == 568, "layout");
static_assert(offsetof(struct gcshim_header, left_used_bytes) == 600, "layout");
static_assert(offsetof(struct gcshim_header, history_points) == 624, "layout");
static_assert(offsetof(struct gcshim_header, range_chunks) == 720, "layout");
static_assert(offsetof(struct gcshim_header, trim_requested) == 768, "layout");
static_assert(offsetof(struct gcshim_header, profile_wanted_bytes) == 776,
              "layout");
static_assert(offsetof(struct gcshim_header, profile_requested) == 784,
              "layout");
static_assert(offsetof(struct gcshim_header, baseline_ns) == 896, "layout");
static_assert(offsetof(struct gcshim_header, settings) == 1024, "layout");
static_assert(sizeof(struct gcshim_header) <= GCSHIM_HEADER_BYTES, "layout");
static_assert(offsetof(struct gcshim_segment, slots) == GCSHIM_HEADER_BYTES,
              "layout");

#endif
