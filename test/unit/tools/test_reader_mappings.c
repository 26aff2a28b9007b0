/* Every anonymous byte that is resident belongs to one kind of mapping. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "forge.h"
#include "reader/mappings.h"
#include "reader/ranges.h"
#include "unit.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * KIB)

/* Two ranges of 32 MiB, next to each other, and one by itself. */
static const struct reader_range ranges[] = {
    {0x7f0000000000, 0x7f0004000000},
    {0x7f1000000000, 0x7f1002000000},
};

static struct reader_mappings parsed_of(const struct reader_process *process,
                                        const char *text)
{
    struct reader_mappings mappings;
    FILE *smaps = fmemopen((void *)(uintptr_t)text, strlen(text), "r");

    assert_non_null(smaps);
    assert_int_equal(mappings_parse(smaps, process, &mappings), 0);
    (void)fclose(smaps);
    assert_int_equal(mappings.outside_bytes,
                     mappings.stack_bytes + mappings.code_bytes +
                         mappings.file_bytes + mappings.heap_bytes +
                         mappings.other_bytes);
    return mappings;
}

static struct reader_process with_ranges(void)
{
    return (struct reader_process){
        .ranges = (struct reader_range *)(uintptr_t)ranges,
        .range_count = 2,
    };
}

static struct reader_mappings parsed(const char *text)
{
    struct reader_process process = with_ranges();

    return parsed_of(&process, text);
}

/* As the kernel writes it, with all its lines. */
static void a_smaps_file_is_divided(void **state)
{
    (void)state;
    struct reader_mappings mappings = parsed(
        "55d0c8a00000-55d0c8a21000 r-xp 00002000 fe:01 1835      /usr/bin/cat\n"
        "Size:                132 kB\n"
        "KernelPageSize:        4 kB\n"
        "Rss:                 100 kB\n"
        "Anonymous:             4 kB\n"
        "AnonHugePages:         0 kB\n"
        "VmFlags: rd ex mr mw me sd \n"
        "55d0c8a21000-55d0c8a25000 rw-p 00023000 fe:01 1835      /usr/bin/cat\n"
        "Anonymous:            16 kB\n"
        "55d0c8a25000-55d0c8a26000 rw-p 00000000 00:00 0 \n"
        "Anonymous:             4 kB\n"
        "55d0c9000000-55d0c9100000 rw-p 00000000 00:00 0         [heap]\n"
        "Anonymous:          1024 kB\n"
        "7f0000000000-7f0002000000 rw-p 00000000 00:00 0 \n"
        "Anonymous:         20000 kB\n"
        "7f2000000000-7f2000040000 rwxp 00000000 00:00 0 \n"
        "Anonymous:           256 kB\n"
        "7f3000000000-7f3000200000 rw-p 00000000 00:00 0 \n"
        "Anonymous:          2048 kB\n"
        "7f4000000000-7f4000100000 rw-s 00000000 00:01 77  /dev/shm/shared\n"
        "Anonymous:             0 kB\n"
        "7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0         [stack]\n"
        "Anonymous:            24 kB\n"
        "7ffc000f0000-7ffc000f2000 r-xp 00000000 00:00 0         [vdso]\n"
        "Anonymous:             0 kB\n");

    assert_int_equal(mappings.malloc_bytes, 20000 * KIB);
    assert_int_equal(mappings.file_bytes, 24 * KIB);
    assert_int_equal(mappings.heap_bytes, MIB);
    assert_int_equal(mappings.code_bytes, 256 * KIB);
    assert_int_equal(mappings.other_bytes, 2 * MIB);
    assert_int_equal(mappings.stack_bytes, 24 * KIB);
}

static void a_mapping_across_the_end_of_a_range_is_divided(void **state)
{
    (void)state;
    /* A quarter in the second range, three quarters behind it. */
    struct reader_mappings mappings =
        parsed("7f1001000000-7f1005000000 rw-p 00000000 00:00 0 \n"
               "Anonymous:          4096 kB\n");

    assert_int_equal(mappings.malloc_bytes, MIB);
    assert_int_equal(mappings.other_bytes, 3 * MIB);
}

static void unreserved_memory_joined_to_a_range_is_mallocs(void **state)
{
    (void)state;
    struct reader_mappings mappings =
        parsed("7f1001000000-7f1005000000 rw-p 00000000 00:00 0 \n"
               "Anonymous:          4096 kB\n"
               "VmFlags: rd wr mr mw me nr \n");

    assert_int_equal(mappings.malloc_bytes, 4 * MIB);
    assert_int_equal(mappings.outside_bytes, 0);
}

static void code_in_a_range_is_not_mallocs(void **state)
{
    (void)state;
    struct reader_mappings mappings = parsed(
        "7f0000000000-7f0000100000 r-xp 00000000 00:00 0 \n"
        "Anonymous:           100 kB\n"
        "7f0000100000-7f0000200000 rw-p 00000000 fe:01 9  /usr/lib/a.so\n"
        "Anonymous:            10 kB\n");

    assert_int_equal(mappings.malloc_bytes, 0);
    assert_int_equal(mappings.code_bytes, 100 * KIB);
    assert_int_equal(mappings.file_bytes, 10 * KIB);
}

static void memory_above_a_guard_is_a_stack(void **state)
{
    (void)state;
    struct reader_mappings mappings =
        parsed("7f5000000000-7f5000001000 ---p 00000000 00:00 0 \n"
               "Anonymous:             0 kB\n"
               "7f5000001000-7f5000801000 rw-p 00000000 00:00 0 \n"
               "Anonymous:            40 kB\n"
               "7f5000801000-7f5000802000 ---p 00000000 00:00 0 \n"
               "Anonymous:             0 kB\n"
               "7f5000802000-7f5001002000 rw-p 00000000 00:00 0 \n"
               "Anonymous:            60 kB\n"
               "7f6000000000-7f6000800000 rw-p 00000000 00:00 0"
               "  [anon: glibc: pthread stack: 77]\n"
               "Anonymous:             8 kB\n");

    assert_int_equal(mappings.stack_bytes, 108 * KIB);
}

static void memory_above_a_gap_or_far_more_than_a_guard_is_none(void **state)
{
    (void)state;
    struct reader_mappings mappings =
        parsed("7f5000000000-7f5000001000 ---p 00000000 00:00 0 \n"
               "Anonymous:             0 kB\n"
               "7f5000002000-7f5000802000 rw-p 00000000 00:00 0 \n"
               "Anonymous:            40 kB\n"
               "7f6000000000-7f6003fdf000 ---p 00000000 00:00 0 \n"
               "Anonymous:             0 kB\n"
               "7f6003fdf000-7f6004000000 rw-p 00000000 00:00 0 \n"
               "Anonymous:            60 kB\n");

    assert_int_equal(mappings.stack_bytes, 0);
    assert_int_equal(mappings.other_bytes, 100 * KIB);
}

static void zeroed_data_is_its_librarys_but_a_large_mapping_is_not(void **state)
{
    (void)state;
    struct reader_mappings mappings = parsed(
        "7f5000000000-7f5000001000 rw-p 00000000 fe:01 9  /usr/lib/a.so\n"
        "Anonymous:             4 kB\n"
        "7f5000001000-7f5000101000 rw-p 00000000 00:00 0 \n"
        "Anonymous:           100 kB\n"
        "7f6000000000-7f6000001000 rw-p 00000000 fe:01 9  /usr/lib/b.so\n"
        "Anonymous:             4 kB\n"
        "7f6000001000-7f6010001000 rw-p 00000000 00:00 0 \n"
        "Anonymous:         65536 kB\n");

    assert_int_equal(mappings.file_bytes, 108 * KIB);
    assert_int_equal(mappings.other_bytes, 64 * MIB);
}

static void copies_of_shared_memory_are_of_no_file(void **state)
{
    (void)state;
    struct reader_mappings mappings = parsed(
        "7f5000000000-7f5000100000 rw-p 00000000 00:01 9  /memfd:x (deleted)\n"
        "Anonymous:             4 kB\n"
        "7f6000000000-7f6000100000 rw-p 00000000 00:01 9  /dev/zero (deleted)\n"
        "Anonymous:             8 kB\n");

    assert_int_equal(mappings.file_bytes, 0);
    assert_int_equal(mappings.other_bytes, 12 * KIB);
}

static void wild_texts_give_no_wild_figures(void **state)
{
    (void)state;
    struct reader_mappings mappings =
        parsed("Anonymous: 99 kB\n"
               "7f5000000000-7f5000001000 rw-p\n"
               "Anonymous: 18446744073709551615 kB\n"
               "7f6000000000-7f6000000000 rw-p 00000000 00:00 0\n"
               "7f6000001000-7f6000000000 rw-p 00000000 00:00 0\n"
               "7f6000000000- rw-p 00000000 00:00 0\n"
               "-7f6000000000 rw-p\n"
               "7f6000000000-7f6000001000\n"
               "Anonymous:\n"
               "Anonymous: -5 kB\n"
               "\n");

    assert_int_equal(mappings.outside_bytes, 4 * KIB);
    assert_int_equal(mappings.malloc_bytes, 0);
}

static void a_text_without_mappings_is_no_smaps(void **state)
{
    (void)state;
    struct reader_process process = with_ranges();
    struct reader_mappings mappings;
    char text[] = "Anonymous: 99 kB\n";
    FILE *smaps = fmemopen(text, strlen(text), "r");

    assert_int_equal(mappings_parse(smaps, &process, &mappings), -EPROTO);
    (void)fclose(smaps);
}

/* 10 MiB in a range, 20 MiB of the same kind elsewhere, and 7 of another. */
static struct reader_mappings completed(uint64_t allocated,
                                        struct reader_thread *threads,
                                        size_t thread_count)
{
    struct reader_process process = with_ranges();

    process.allocated_bytes = allocated;
    process.threads = threads;
    process.thread_count = thread_count;
    struct reader_mappings mappings =
        parsed_of(&process, "7f0000000000-7f0002000000 rw-p 00000000 00:00 0 \n"
                            "Anonymous:         10240 kB\n"
                            "VmFlags: rd wr mr mw me nr \n"
                            "7f2000000000-7f2002000000 rw-p 00000000 00:00 0 \n"
                            "Anonymous:         20480 kB\n"
                            "VmFlags: rd wr mr mw me nr \n"
                            "7f3000000000-7f3002000000 rw-p 00000000 00:00 0 \n"
                            "Anonymous:          7168 kB\n"
                            "VmFlags: rd wr mr mw me ac \n");

    assert_int_equal(mappings.malloc_bytes + mappings.outside_bytes, 37 * MIB);
    return mappings;
}

static void what_is_allocated_beyond_the_ranges_is_mallocs_too(void **state)
{
    (void)state;
    static const struct {
        uint64_t allocated, malloc;
    } rows[] = {
        {0, 10 * MIB},         {96 * MIB, 10 * MIB},   {103 * MIB, 17 * MIB},
        {999 * MIB, 30 * MIB}, {UINT64_MAX, 30 * MIB},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(completed(rows[i].allocated, NULL, 0).malloc_bytes,
                         rows[i].malloc);
}

static void what_uncounted_threads_allocated_may_lie_anywhere(void **state)
{
    (void)state;
    struct reader_thread threads[2] = {
        {.totals = {.allocated_bytes = 3 * MIB, .freed_bytes = 2 * MIB},
         .census.age_ms = READER_UNKNOWN},
        {.totals.allocated_bytes = 9 * MIB, .census.age_ms = 7},
    };

    assert_int_equal(completed(64 * MIB, threads, 2).malloc_bytes,
                     13 * MIB + 64 * KIB);
    assert_int_equal(completed(64 * MIB, threads + 1, 1).malloc_bytes,
                     10 * MIB);
    /* No more than is allocated, but at least what is in use. */
    assert_int_equal(completed(12 * MIB, threads, 2).malloc_bytes, 12 * MIB);
    assert_int_equal(completed(5 * MIB, threads, 2).malloc_bytes,
                     11 * MIB + 64 * KIB);
    threads[0].totals.allocated_bytes = UINT64_MAX;
    assert_int_equal(completed(64 * MIB, threads, 2).malloc_bytes, 30 * MIB);
}

static void without_any_unreserved_memory_all_may_be_mallocs(void **state)
{
    (void)state;
    struct reader_process process = with_ranges();

    process.allocated_bytes = 100 * MIB; /* 4 MiB more than in the ranges */
    struct reader_mappings mappings =
        parsed_of(&process, "7f3000000000-7f3002000000 rw-p 00000000 00:00 0 \n"
                            "Anonymous:          7168 kB\n"
                            "VmFlags: rd wr mr mw me ac \n");

    assert_int_equal(mappings.malloc_bytes, 4 * MIB);
    assert_int_equal(mappings.other_bytes, 3 * MIB);
}

static void a_segment_above_another_is_no_stack(void **state)
{
    (void)state;
    struct reader_mappings mappings =
        parsed("7f2001f00000-7f2002000000 ---p 00000000 00:00 0 \n"
               "Anonymous:             0 kB\n"
               "VmFlags: mr mw me nr \n"
               "7f2002000000-7f2004000000 rw-p 00000000 00:00 0 \n"
               "Anonymous:          4096 kB\n"
               "VmFlags: rd wr mr mw me nr \n");

    assert_int_equal(mappings.stack_bytes, 0);
    assert_int_equal(mappings.other_bytes, 4 * MIB);
}

/* ------------------------------------------------------ real processes */

enum { STACK_TOUCHED = 1 << 20 };

static struct reader_mappings own(struct reader_range *range)
{
    struct reader_process process = {.ranges = range,
                                     .range_count = range ? 1 : 0};
    struct reader_mappings mappings;
    struct proc proc;

    assert_int_equal(proc_open(&proc, (uint32_t)getpid()), 0);
    assert_int_equal(mappings_read(&proc, &process, &mappings), 0);
    proc_close(&proc);
    return mappings;
}

static void *map_and_touch(size_t bytes, int protection)
{
    void *at =
        mmap(NULL, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_ptr_not_equal(at, MAP_FAILED);
    memset(at, 1, bytes);
    return at;
}

static bool is_about(uint64_t bytes, uint64_t expected)
{
    return bytes + MIB / 2 > expected && bytes < expected + MIB / 2;
}

static void what_a_process_maps_is_found(void **state)
{
    (void)state;
    struct reader_mappings before = own(NULL);
    void *plain = map_and_touch(8 * MIB, PROT_READ | PROT_WRITE);
    void *code = map_and_touch(4 * MIB, PROT_READ | PROT_WRITE | PROT_EXEC);
    struct reader_mappings after = own(NULL);

    /* A sanitizer may keep more beside it. */
    assert_true(after.other_bytes >= before.other_bytes + 8 * MIB);
    assert_true(is_about(after.code_bytes, before.code_bytes + 4 * MIB));
    munmap(plain, 8 * MIB);
    munmap(code, 4 * MIB);
}

static void what_lies_in_a_range_is_mallocs(void **state)
{
    (void)state;
    /* Between two that cannot be touched, so that it is joined to nothing. */
    char *all =
        mmap(NULL, 24 * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *at = all + 8 * MIB;
    struct reader_range range = {(uintptr_t)at, (uintptr_t)at + 8 * MIB};

    assert_ptr_not_equal(all, MAP_FAILED);
    assert_int_equal(mprotect(at, 8 * MIB, PROT_READ | PROT_WRITE), 0);
    memset(at, 1, 8 * MIB);
    assert_int_equal(own(&range).malloc_bytes, 8 * MIB);
    munmap(all, 24 * MIB);
}

static void *deep(void *context)
{
    volatile char stack[STACK_TOUCHED];
    struct reader_mappings *ret_mappings = context;

    for (size_t i = 0; i < sizeof(stack); i += 4096)
        stack[i] = 1;
    *ret_mappings = own(NULL);
    return NULL;
}

static void the_stack_of_a_thread_is_found(void **state)
{
    (void)state;
    struct reader_mappings before = own(NULL);
    struct reader_mappings within;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, deep, &within), 0);
    pthread_join(thread, NULL);
    assert_true(within.stack_bytes >= before.stack_bytes + STACK_TOUCHED);
}

static void the_parts_are_what_the_kernel_calls_anonymous(void **state)
{
    (void)state;
    void *plain = map_and_touch(64 * MIB, PROT_READ | PROT_WRITE);
    struct reader_mappings mappings = own(NULL);
    struct proc_status status;
    struct proc proc;

    assert_int_equal(proc_open(&proc, (uint32_t)getpid()), 0);
    assert_int_equal(proc_status_read(&proc, &status), 0);
    proc_close(&proc);
    assert_true(is_about(mappings.malloc_bytes + mappings.outside_bytes,
                         status.resident_bytes));
    munmap(plain, 64 * MIB);
}

static void a_process_that_has_ended_has_no_mappings(void **state)
{
    (void)state;
    struct reader_process process = {0};
    struct reader_mappings mappings;
    struct proc proc;
    pid_t pid = fork();

    if (pid == 0)
        _exit(0);
    assert_int_equal(waitid(P_PID, (id_t)pid, NULL, WEXITED | WNOWAIT), 0);
    assert_int_equal(proc_open(&proc, (uint32_t)pid), 0);
    int err = mappings_read(&proc, &process, &mappings);

    assert_true(err == -ESRCH || err == -ENOENT);
    proc_close(&proc);
    waitpid(pid, NULL, 0);
}

/* -------------------------------------------------------------- explain */

static int begin(void **state)
{
    (void)state;
    forge_begin();
    return 0;
}

static int end(void **state)
{
    (void)state;
    forge_end();
    return 0;
}

static void set_range(struct gcshim_segment *segment, const void *at)
{
    uint64_t range = (uintptr_t)at >> GCSHIM_RANGE_SHIFT;
    uint64_t word = range / 64;
    uint64_t chunk = word / GCSHIM_RANGE_CHUNK_WORDS;

    segment->ranges[word] |= UINT64_C(1) << range % 64;
    segment->header.range_chunks[chunk / 64] |= UINT64_C(1) << chunk % 64;
}

static void a_process_is_explained_by_its_ranges(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();
    char *at = map_and_touch(96 * MIB, PROT_READ | PROT_WRITE);
    uintptr_t whole =
        ((uintptr_t)at + 32 * MIB - 1) & ~(uintptr_t)(32 * MIB - 1);

    set_range(segment, (void *)whole);
    struct reader_process process = forge_read(segment);

    assert_int_equal(process.mappings.malloc_bytes, READER_UNKNOWN);
    process.resident_bytes = 1; /* as it was a moment ago */
    process.rss_bytes = 2;
    assert_int_equal(reader_process_explain(&process), 0);
    assert_true(is_about(process.mappings.malloc_bytes, 32 * MIB));
    assert_true(process.mappings.other_bytes >= 63 * MIB);
    assert_int_equal(process.resident_bytes,
                     process.mappings.malloc_bytes +
                         process.mappings.outside_bytes);
    assert_true(process.rss_bytes >= process.resident_bytes);
    assert_int_equal(process.verdict, READER_VERDICT_OUTSIDE);
    reader_process_fini(&process);
    munmap(at, 96 * MIB);
}

static void a_range_that_is_missing_is_made_up_for(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();
    char *at = mmap(NULL, 96 * MIB, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    assert_ptr_not_equal(at, MAP_FAILED);
    memset(at, 1, 96 * MIB);
    segment->header.committed_bytes = 64 * MIB;
    struct reader_process process = forge_read(segment);

    assert_int_equal(reader_process_explain(&process), 0);
    assert_int_equal(process.mappings.malloc_bytes, 64 * MIB);
    reader_process_fini(&process);
    munmap(at, 96 * MIB);
}

static void a_dead_process_stays_unexplained(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    segment->header.ended_ns = 1; /* but not quite gone yet */
    struct reader_process process = forge_read(segment);

    assert_int_equal(reader_process_explain(&process), 0);
    assert_int_equal(process.mappings.outside_bytes, READER_UNKNOWN);
    reader_process_fini(&process);
}

static void another_process_of_that_pid_explains_nothing(void **state)
{
    (void)state;
    struct reader_process process = forge_read(forge_segment());

    process.start_time_ticks++;
    assert_int_equal(reader_process_explain(&process), 0);
    assert_int_equal(process.mappings.outside_bytes, READER_UNKNOWN);
    reader_process_fini(&process);
}

/* A file of this process's, as another user sees it. */
static void explain_as_nobody(void)
{
    struct reader_process process = forge_read(forge_segment());

    /* We must stay whom it is about: the parent. */
    process.pid = (uint32_t)getppid();
    struct proc proc;

    if (proc_open(&proc, process.pid) != 0 || setuid(65534) != 0)
        _exit(2);
    process.start_time_ticks = proc.stat.start_time_ticks;
    int err = reader_process_explain(&process);

    _exit(err == 0 && process.mappings.outside_bytes == READER_UNKNOWN ? 0 : 1);
}

static void what_may_not_be_looked_into_stays_unexplained(void **state)
{
    (void)state;
    int status = 0;

    if (geteuid() != 0)
        skip();
    pid_t pid = fork();

    if (pid == 0)
        explain_as_nobody();
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

/* -------------------------------------------------------------- ranges */

static void neighbouring_ranges_are_one(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    /* Across a word, across a chunk, and one by itself. */
    segment->ranges[511] = UINT64_C(3) << 62;
    segment->ranges[512] = 1;
    segment->ranges[700] = 2;
    segment->ranges[3000] = 1; /* in a chunk that is not marked */
    segment->header.range_chunks[0] = 3;
    struct reader_process process = forge_read(segment);

    assert_int_equal(process.range_count, 2);
    assert_int_equal(process.ranges[0].begin, (UINT64_C(511) * 64 + 62) << 25);
    assert_int_equal(process.ranges[0].end, (UINT64_C(512) * 64 + 1) << 25);
    assert_int_equal(process.ranges[1].begin, (UINT64_C(700) * 64 + 1) << 25);
    reader_process_fini(&process);
}

static void a_map_in_shreds_is_refused(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    memset((void *)segment->ranges, 0x55, sizeof(segment->ranges));
    segment->header.range_chunks[0] = UINT64_MAX;
    segment->header.range_chunks[1] = UINT64_MAX;
    forge_refuse(segment, "more than 16384 pieces");
}

static void the_whole_map_is_one_range(void **state)
{
    (void)state;
    struct gcshim_segment *segment = forge_segment();

    memset((void *)segment->ranges, 0xff, sizeof(segment->ranges));
    segment->header.range_chunks[0] = UINT64_MAX;
    segment->header.range_chunks[1] = UINT64_MAX;
    struct reader_process process = forge_read(segment);

    assert_int_equal(process.range_count, 1);
    assert_int_equal(process.ranges[0].end, UINT64_C(1) << 47);
    reader_process_fini(&process);
}

static void an_overlap_is_summed_over_ranges(void **state)
{
    (void)state;
    static const struct {
        uint64_t begin, end, overlap;
    } rows[] = {
        {0, 0x7f0000000000, 0},
        {0x7f0000000000, 0x7f0004000000, 0x4000000},
        {0x7effff000000, 0x7f0001000000, 0x1000000},
        {0x7f0003000000, 0x7f1001000000, 0x2000000},
        {0, UINT64_MAX, 0x6000000},
        {0x7f1002000000, UINT64_MAX, 0},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(ranges_overlap(ranges, 2, rows[i].begin, rows[i].end),
                         rows[i].overlap);
    assert_int_equal(ranges_overlap(NULL, 0, 0, UINT64_MAX), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_smaps_file_is_divided),
        TEST(a_mapping_across_the_end_of_a_range_is_divided),
        TEST(unreserved_memory_joined_to_a_range_is_mallocs),
        TEST(code_in_a_range_is_not_mallocs),
        TEST(memory_above_a_guard_is_a_stack),
        TEST(memory_above_a_gap_or_far_more_than_a_guard_is_none),
        TEST(zeroed_data_is_its_librarys_but_a_large_mapping_is_not),
        TEST(copies_of_shared_memory_are_of_no_file),
        TEST(wild_texts_give_no_wild_figures),
        TEST(a_text_without_mappings_is_no_smaps),
        TEST(what_is_allocated_beyond_the_ranges_is_mallocs_too),
        TEST(what_uncounted_threads_allocated_may_lie_anywhere),
        TEST(without_any_unreserved_memory_all_may_be_mallocs),
        TEST(a_segment_above_another_is_no_stack),
        TEST(what_a_process_maps_is_found),
        TEST(what_lies_in_a_range_is_mallocs),
        TEST(the_stack_of_a_thread_is_found),
        TEST(the_parts_are_what_the_kernel_calls_anonymous),
        TEST(a_process_that_has_ended_has_no_mappings),
        TEST(a_process_is_explained_by_its_ranges),
        TEST(a_range_that_is_missing_is_made_up_for),
        TEST(a_dead_process_stays_unexplained),
        TEST(another_process_of_that_pid_explains_nothing),
        TEST(what_may_not_be_looked_into_stays_unexplained),
        TEST(neighbouring_ranges_are_one),
        TEST(a_map_in_shreds_is_refused),
        TEST(the_whole_map_is_one_range),
        TEST(an_overlap_is_summed_over_ranges),
    };

    return RUN(tests);
}
