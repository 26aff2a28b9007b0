/* A made-up profile: see profile_made.h. */
#include "profile_made.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>

enum { LINE_BYTES = 1024 };

static void must(bool is_so, const char *what)
{
    if (is_so)
        return;
    (void)fprintf(stderr, "profile_made: %s\n", what);
    abort();
}

void build_id_read(struct reader_module *module, const char *path)
{
    const void *id = NULL;
    int fd = open(path, O_RDONLY);

    must(fd >= 0 && elf_version(EV_CURRENT) != EV_NONE, path);
    Elf *elf = elf_begin(fd, ELF_C_READ, NULL);
    ssize_t bytes = dwelf_elf_gnu_build_id(elf, &id);

    must(bytes > 0 && bytes <= READER_BUILD_ID_BYTES, "build id");
    memcpy(module->build_id, id, (size_t)bytes);
    module->build_id_bytes = (size_t)bytes;
    elf_end(elf);
    close(fd);
}

uint64_t told(const char *program, const char *name)
{
    char line[LINE_BYTES];
    char word[LINE_BYTES];
    unsigned long address = 0;
    unsigned long found = 0;
    FILE *output = popen(program, "r");

    must(output != NULL, program);
    while (fgets(line, sizeof(line), output)) {
        must(sscanf(line, "%1023s %lx", word, &address) == 2, line);
        if (strcmp(word, name) == 0)
            found = address;
    }
    must(pclose(output) == 0 && found != 0, name);
    return found;
}

static struct reader_module modules[] = {
    {.start = 0x7f0000001000,
     .end = 0x7f0000009000,
     .bias = 0x7f0000000000,
     .path = "/nowhere/libgone.so.1"},
    {.start = 0x555555555000,
     .end = 0x555555557000,
     .bias = 0x555555554000,
     .path = C_PROGRAM},
};

static struct reader_frame frames[] = {
    {.module = 1}, /* inlined */
    {.module = 0, .address = 0x1235},
    {.module = READER_MODULE_NONE,
     .function = "spam",
     .file = "eggs.py",
     .line = 7},
    {.module = 1}, /* plain */
    {.module = 1}, /* and a little further on in the same function */
};

static struct reader_site_thread threads[] = {
    {.tid = 100,
     .name = "worker",
     .live_bytes = {2000, 0},
     .live_blocks = {2, 0}},
    {.tid = 101, .live_bytes = {1000, 0}, .live_blocks = {1, 0}},
};

static struct reader_site sites[PROFILE_SITES] = {
    {.frames = frames,
     .frame_count = 2,
     .live_bytes = {4000, 1e4},
     .live_blocks = {4, 1},
     .total_bytes = {9000.4, 1e6},
     .total_blocks = {9, 4},
     .threads = threads,
     .thread_count = 2},
    {.frames = frames + 2,
     .frame_count = 2,
     .total_bytes = {500, 100},
     .total_blocks = {10, 1}},
    {.frames = frames + 4,
     .frame_count = 1,
     .is_cut = true,
     .live_bytes = {700, 0},
     .live_blocks = {1, 0},
     .total_bytes = {700, 0},
     .total_blocks = {1, 0}},
    {.live_bytes = {64, 64},
     .live_blocks = {4, 4},
     .total_bytes = {64, 64},
     .total_blocks = {4, 4}},
    {.is_beyond = true,
     .live_bytes = {36, 0},
     .live_blocks = {1, 0},
     .total_bytes = {36, 0},
     .total_blocks = {1, 0}},
};

static struct reader_profile profile = {
    .state = READER_SAMPLING_ON,
    .mean_bytes = PROFILE_MEAN_BYTES,
    .age_ms = 5000,
    .used_bytes = 5000,
    .most_mean_bytes = PROFILE_MEAN_BYTES,
    .live_bytes = {4800, 1e4},
    .live_blocks = {10, 5},
    .total_bytes = {10300.4, 1e6},
    .total_blocks = {25, 9},
    .sites = sites,
    .site_count = PROFILE_SITES,
    .modules = modules,
    .module_count = sizeof(modules) / sizeof(modules[0]),
};

const struct reader_profile *profile_made(void)
{
    build_id_read(&modules[1], C_PROGRAM);
    frames[0].address = told(C_PROGRAM, "inlined");
    frames[3].address = told(C_PROGRAM, "plain");
    frames[4].address = frames[3].address + 1;
    return &profile;
}
