/* Symbols: addresses of programs that were built for it, read as addr2line
 * reads them; and whatever a file, or the lack of one, may do to us. */
#include "symbols/symbols.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <elf.h>

#include "container.h"
#include "profile_made.h"
#include "symbols/name.h"
#include "unit.h"

#define C_PROGRAM_4   C_PROGRAM "_4"
#define CXX_PROGRAM_4 CXX_PROGRAM "_4"
#define SPLIT_PROGRAM C_PROGRAM "_split"

enum { LINE_BYTES = 1024, PATH_BYTES = 512 };

/* ----------------------------------------------------- a made-up profile */

/* One module, as if the process had seen file by the name of path. */
struct specimen {
    struct reader_module module;
    struct reader_profile profile;
    struct symbols *symbols;
};

static void specimen_open_as(struct specimen *specimen, const char *file,
                             const char *path,
                             const struct reader_process *process)
{
    *specimen = (struct specimen){
        .module = {.start = 0x555555554000,
                   .end = 0x555555560000,
                   .bias = 0x555555554000,
                   .path = (char *)path},
    };
    build_id_read(&specimen->module, file);
    specimen->profile = (struct reader_profile){.modules = &specimen->module,
                                                .module_count = 1};
    assert_int_equal(
        symbols_open(&specimen->symbols, &specimen->profile, process, false),
        0);
}

static void specimen_open(struct specimen *specimen, const char *file)
{
    specimen_open_as(specimen, file, file, NULL);
}

static void specimen_close(struct specimen *specimen)
{
    symbols_close(specimen->symbols);
}

/* return_address: in the file. */
static const struct symbols_frame *resolve(struct specimen *specimen,
                                           uint64_t return_address)
{
    struct reader_frame frame = {.address = return_address, .module = 0};
    const struct symbols_frame *found = NULL;

    assert_int_equal(symbols_resolve(specimen->symbols, &frame, &found), 0);
    assert_true(found->call_count >= 1);
    return found;
}

static void assert_nothing_known(const struct symbols_frame *frame)
{
    assert_int_equal(frame->call_count, 1);
    assert_null(frame->calls[0].function);
    assert_null(frame->calls[0].file);
    assert_int_equal(frame->calls[0].line, 0);
}

/* ------------------------------------------------------ what is the truth */

/* The line of a source that has the comment. */
static uint32_t line_with(const char *source, const char *comment)
{
    char line[LINE_BYTES];
    uint32_t number = 0;
    FILE *file = fopen(source, "r");

    assert_non_null(file);
    do {
        assert_non_null(fgets(line, sizeof(line), file));
        number++;
    } while (!strstr(line, comment));
    (void)fclose(file);
    return number;
}

static const char *base(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    return slash ? slash + 1 : path;
}

static void assert_call(const struct symbols_call *call, const char *function,
                        const char *source, const char *comment,
                        bool is_inlined)
{
    assert_non_null(call->function);
    assert_string_equal(call->function, function);
    assert_string_equal(base(call->file), base(source));
    assert_int_equal(call->line, line_with(source, comment));
    assert_int_equal(call->is_inlined, is_inlined);
}

static const char c_source[] = SOURCE_DIR "/symbols_specimen.c";
static const char cxx_source[] = SOURCE_DIR "/symbols_specimen.cpp";

static void assert_three_calls(const struct symbols_frame *frame)
{
    assert_int_equal(frame->call_count, 3);
    assert_call(&frame->calls[0], "specimen_inner", c_source, "/* inner */",
                true);
    assert_call(&frame->calls[1], "specimen_middle", c_source, "/* middle */",
                true);
    assert_call(&frame->calls[2], "specimen_outer", c_source, "/* outer */",
                false);
}

/* ------------------------------------------------------------------ lines */

static void inlined_calls_come_innermost_first(void **state)
{
    (void)state;
    struct specimen specimen;

    specimen_open(&specimen, C_PROGRAM);
    assert_three_calls(resolve(&specimen, told(C_PROGRAM, "inlined")));
    const struct symbols_frame *plain =
        resolve(&specimen, told(C_PROGRAM, "plain"));

    assert_int_equal(plain->call_count, 1);
    assert_call(plain->calls, "specimen_plain", c_source, "/* plain */", false);
    assert_null(plain->calls[0].mangled);
    assert_int_equal(symbols_state(specimen.symbols, 0), SYMBOLS_WITH_LINES);
    assert_null(symbols_note(specimen.symbols, 0));
    specimen_close(&specimen);
}

static void cxx_names_read_as_people_write_them(void **state)
{
    (void)state;
    struct specimen specimen;

    specimen_open(&specimen, CXX_PROGRAM);
    const struct symbols_frame *frame =
        resolve(&specimen, told(CXX_PROGRAM, "put"));

    assert_int_equal(frame->call_count, 2);
    assert_non_null(strstr(frame->calls[0].function, "specimen::Box<"));
    assert_non_null(strstr(frame->calls[0].function, "::put("));
    assert_int_equal(frame->calls[0].line, line_with(cxx_source, "// put"));
    assert_non_null(strstr(frame->calls[1].function, "specimen::fill("));
    assert_int_equal(strncmp(frame->calls[1].mangled, "_ZN8specimen4fill", 17),
                     0);
    assert_int_equal(frame->calls[1].line, line_with(cxx_source, "// fill"));
    frame = resolve(&specimen, told(CXX_PROGRAM, "lambda"));
    assert_non_null(strstr(frame->calls[0].function,
                           "specimen::(anonymous namespace)::apply(int)::"));
    specimen_close(&specimen);
}

static void functions_in_a_file_of_their_own_are_found(void **state)
{
    (void)state;
    struct specimen specimen;

    specimen_open(&specimen, SPLIT_PROGRAM);
    assert_three_calls(resolve(&specimen, told(SPLIT_PROGRAM, "inlined")));
    specimen_close(&specimen);
}

static void assert_demangled(const char *symbol, const char *expected)
{
    char *name = name_demangle(symbol);

    if (expected)
        assert_string_equal(name, expected);
    else
        assert_null(name);
    free(name);
}

static void rust_names_read_as_people_write_them(void **state)
{
    (void)state;
    assert_demangled("_ZN4core3fmt9Formatter3pad17h0123456789abcdefE",
                     "core::fmt::Formatter::pad");
    assert_demangled("_RNvC7mycrate3foo", "mycrate::foo");
    assert_demangled("_ZN3foo3barEi", "foo::bar(int)");
    assert_demangled("main", NULL);
    assert_demangled("_start", NULL);
    assert_demangled("_Z", NULL);
    assert_demangled("", NULL);
}

/* A<A<A<int, int>, A<int, int>>, ...>: 2 to the power of 35 letters. */
static void a_name_that_doubles_without_end_is_cut(void **state)
{
    (void)state;
    char symbol[NAME_BYTES_MAX] = "_Z1f1AIiiES_IS0_S0_E";
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";

    for (size_t i = 1; i < 36; i++) {
        char more[16];

        (void)snprintf(more, sizeof(more), "S_IS%c_S%c_E", digits[i],
                       digits[i]);
        (void)strcat(symbol, more);
    }
    char *name = name_demangle(symbol);

    assert_non_null(name);
    assert_int_equal(strlen(name), NAME_BYTES_MAX - 1);
    assert_int_equal(strncmp(name, "f(A<int, int>, A<A<int, int>, ", 30), 0);
    free(name);
}

/* One call of addr2line's output: a function, and a file with a line. */
struct truth {
    char function[LINE_BYTES];
    char spot[LINE_BYTES];
};

static void chomp(char *line)
{
    line[strcspn(line, "\n")] = '\0';
}

static void assert_agrees(const struct symbols_call *call,
                          const struct truth *truth)
{
    const char *spot = truth->spot;
    char own[LINE_BYTES];

    assert_string_equal(call->function ? call->function : "??",
                        truth->function);
    (void)snprintf(own, sizeof(own), "%s:%u", call->file ? call->file : "??",
                   call->line);
    if (strcmp(spot, "??:?") == 0 || strcmp(spot, "??:0") == 0) {
        assert_null(call->file);
        return;
    }
    /* " (discriminator 3)" may follow; "?" for a line is no line. */
    char *end = strchr(spot, ' ');

    if (end)
        *end = '\0';
    end = strrchr(spot, ':');
    if (strcmp(end, ":?") == 0)
        (void)strcpy(end, ":0");
    assert_string_equal(own, spot);
}

/* Every address of every function that is named so. */
static size_t compare_all(const char *program, const char *part)
{
    char command[PATH_BYTES];
    char line[LINE_BYTES];
    struct specimen specimen;
    size_t compared = 0;

    (void)snprintf(command, sizeof(command),
                   "nm -S --defined-only %s | awk '$3 ~ /[tTwW]/ && $4 ~ /%s/ "
                   "{print $1, $2}' | while read -r a n; do "
                   "for ((i = 0; i < 0x$n; i++)); do "
                   "printf '%%x\\n' $((0x$a + i)); done; done | "
                   "addr2line -a -i -f -C -e %s",
                   program, part, program);
    specimen_open(&specimen, program);
    char *quoted = NULL;

    assert_true(asprintf(&quoted, "exec bash -c \"$(cat <<'END'\n%s\nEND\n)\"",
                         command) > 0);
    FILE *output = popen(quoted, "r");
    const struct symbols_frame *frame = NULL;
    size_t at = 0;

    assert_non_null(output);
    while (fgets(line, sizeof(line), output)) {
        struct truth truth;

        chomp(line);
        if (strncmp(line, "0x", 2) == 0) {
            assert_true(!frame || at == frame->call_count);
            frame = resolve(&specimen, strtoull(line, NULL, 16) + 1);
            at = 0;
            compared++;
            continue;
        }
        (void)strcpy(truth.function, line);
        assert_non_null(fgets(truth.spot, sizeof(truth.spot), output));
        chomp(truth.spot);
        assert_non_null(frame);
        assert_true(at < frame->call_count);
        assert_agrees(&frame->calls[at++], &truth);
    }
    assert_true(frame && at == frame->call_count);
    assert_int_equal(pclose(output), 0);
    free(quoted);
    specimen_close(&specimen);
    return compared;
}

static void every_address_reads_as_addr2line_reads_it(void **state)
{
    (void)state;
    assert_true(compare_all(C_PROGRAM_4, "specimen") > 50);
    assert_true(compare_all(CXX_PROGRAM_4, "specimen") > 100);
#ifndef __clang__
    /* addr2line does not read the DWARF 5 of clang in full. */
    assert_true(compare_all(C_PROGRAM, "specimen") > 50);
    assert_true(compare_all(CXX_PROGRAM, "specimen") > 100);
#endif
}

/* ------------------------------------------------------------ debug files */

static void file_copy(const char *from, const char *to)
{
    char bytes[1 << 14];
    ssize_t got = 0;
    int in = open(from, O_RDONLY);
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);

    assert_true(in >= 0 && out >= 0);
    while ((got = read(in, bytes, sizeof(bytes))) > 0)
        assert_int_equal(write(out, bytes, (size_t)got), got);
    close(in);
    close(out);
}

static void a_stripped_file_is_read_with_the_debug_file_it_names(void **state)
{
    (void)state;
    struct specimen specimen;

    specimen_open(&specimen, STRIPPED);
    assert_three_calls(resolve(&specimen, told(C_PROGRAM, "inlined")));
    assert_int_equal(symbols_state(specimen.symbols, 0), SYMBOLS_WITH_LINES);
    specimen_close(&specimen);
}

static void a_stripped_file_alone_says_what_is_missing(void **state)
{
    (void)state;
    char directory[] = "/tmp/gcshim-unit-symbols-XXXXXX";
    char path[PATH_BYTES];
    struct specimen specimen;

    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/alone", directory);
    file_copy(STRIPPED, path);
    specimen_open(&specimen, path);
    assert_nothing_known(resolve(&specimen, told(C_PROGRAM, "inlined")));
    assert_int_equal(symbols_state(specimen.symbols, 0), SYMBOLS_NAMES);
    assert_non_null(
        strstr(symbols_note(specimen.symbols, 0), "no debug information"));
    specimen_close(&specimen);
    unlink(path);
    rmdir(directory);
}

/* Names of exported functions are there even so. */
static void a_library_without_debug_information_has_names(void **state)
{
    (void)state;
    char directory[] = "/tmp/gcshim-unit-symbols-XXXXXX";
    char path[PATH_BYTES];
    char command[4 * PATH_BYTES];
    struct specimen specimen;

    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/names", directory);
    (void)snprintf(command, sizeof(command), "objcopy --strip-debug %s %s",
                   CXX_PROGRAM, path);
    assert_int_equal(system(command), 0);
    specimen_open(&specimen, path);
    const struct symbols_frame *frame =
        resolve(&specimen, told(CXX_PROGRAM, "put"));

    assert_int_equal(frame->call_count, 1);
    assert_non_null(strstr(frame->calls[0].function, "specimen::fill("));
    assert_null(frame->calls[0].file);
    assert_int_equal(symbols_state(specimen.symbols, 0), SYMBOLS_NAMES);
    specimen_close(&specimen);
    unlink(path);
    rmdir(directory);
}

static void a_debug_file_of_another_build_is_not_read(void **state)
{
    (void)state;
    char directory[] = "/tmp/gcshim-unit-symbols-XXXXXX";
    char path[PATH_BYTES];
    char debug[PATH_BYTES];
    struct specimen specimen;

    assert_non_null(mkdtemp(directory));
    (void)snprintf(path, sizeof(path), "%s/program", directory);
    (void)snprintf(debug, sizeof(debug), "%s/%s", directory, base(DEBUG_FILE));
    file_copy(STRIPPED, path);
    file_copy(CXX_PROGRAM, debug);
    specimen_open(&specimen, path);
    assert_nothing_known(resolve(&specimen, told(C_PROGRAM, "inlined")));
    specimen_close(&specimen);
    file_copy(DEBUG_FILE, debug);
    specimen_open(&specimen, path);
    assert_three_calls(resolve(&specimen, told(C_PROGRAM, "inlined")));
    specimen_close(&specimen);
    unlink(debug);
    unlink(path);
    rmdir(directory);
}

static void nobody_is_asked_over_the_network_unasked(void **state)
{
    (void)state;
    struct reader_profile profile = {0};
    struct symbols *symbols = NULL;

    setenv("DEBUGINFOD_URLS", "http://127.0.0.1:9", 1);
    assert_int_equal(symbols_open(&symbols, &profile, NULL, true), 0);
    symbols_close(symbols);
    assert_non_null(getenv("DEBUGINFOD_URLS"));
    assert_int_equal(symbols_open(&symbols, &profile, NULL, false), 0);
    symbols_close(symbols);
    assert_null(getenv("DEBUGINFOD_URLS"));
}

/* --------------------------------------------------------- the right file */

static void another_build_is_not_read(void **state)
{
    (void)state;
    struct specimen specimen;
    uint64_t address = told(C_PROGRAM, "inlined");

    specimen_open(&specimen, C_PROGRAM);
    specimen.module.build_id[0] ^= 1;
    assert_nothing_known(resolve(&specimen, address));
    assert_int_equal(symbols_state(specimen.symbols, 0), SYMBOLS_OTHER_BUILD);
    assert_non_null(strstr(symbols_note(specimen.symbols, 0), "another build"));
    specimen_close(&specimen);

    specimen_open(&specimen, C_PROGRAM);
    specimen.module.build_id_bytes = 0;
    assert_nothing_known(resolve(&specimen, address));
    assert_int_equal(symbols_state(specimen.symbols, 0), SYMBOLS_OTHER_BUILD);
    specimen_close(&specimen);
}

static void assert_unreadable(const char *path, enum symbols_state expected,
                              const char *words)
{
    struct specimen specimen;

    specimen_open_as(&specimen, C_PROGRAM, path, NULL);
    assert_int_equal(symbols_state(specimen.symbols, 0), SYMBOLS_UNTRIED);
    assert_null(symbols_note(specimen.symbols, 0));
    assert_nothing_known(resolve(&specimen, 0x1234));
    assert_int_equal(symbols_state(specimen.symbols, 0), expected);
    assert_non_null(strstr(symbols_note(specimen.symbols, 0), words));
    specimen_close(&specimen);
}

static void a_file_that_is_not_there_is_said_to_be_so(void **state)
{
    (void)state;
    char fifo[] = "/tmp/gcshim-unit-symbols-XXXXXX";

    assert_unreadable("/nowhere/at/all", SYMBOLS_NOT_FOUND, "No such file");
    assert_unreadable("[vdso]", SYMBOLS_NO_FILE, "no file");
    assert_unreadable("linux-vdso.so.1", SYMBOLS_NO_FILE, "no file");
    assert_unreadable("", SYMBOLS_NO_FILE, "not known");
    assert_unreadable("/etc/passwd", SYMBOLS_NOT_ELF, "no program");
    assert_unreadable("/dev/zero", SYMBOLS_NOT_ELF, "no program");
    assert_unreadable("/tmp", SYMBOLS_NOT_ELF, "no program");
    assert_non_null(mkdtemp(fifo));
    assert_int_equal(rmdir(fifo), 0);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    assert_unreadable(fifo, SYMBOLS_NOT_ELF, "no program"); /* no waiting */
    unlink(fifo);
}

/* One that was put back in its place, as package managers do. */
static void the_mark_of_a_deleted_file_is_no_part_of_its_name(void **state)
{
    (void)state;
    struct specimen specimen;

    specimen_open_as(&specimen, C_PROGRAM, C_PROGRAM " (deleted)", NULL);
    assert_three_calls(resolve(&specimen, told(C_PROGRAM, "inlined")));
    specimen_close(&specimen);
}

static struct reader_process process_of(pid_t pid)
{
    return (struct reader_process){.pid = (uint32_t)pid,
                                   .namespace_pid = (uint32_t)pid,
                                   .uid = geteuid(),
                                   .state = READER_LIVE};
}

/* A living process whose program is that file; it waits to be killed. */
static pid_t process_begin(const char *program)
{
    int ready[2];
    char byte = 0;

    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t pid = fork();

    if (pid == 0) {
        int held[2];

        prctl(PR_SET_PDEATHSIG, SIGKILL); /* should the test fail */
        (void)!pipe(held);                /* its input never ends */
        dup2(held[0], STDIN_FILENO);
        execl(program, "cat", (char *)NULL);
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 0); /* it has exec'ed */
    close(ready[0]);
    return pid;
}

static void process_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void a_deleted_program_is_read_while_it_runs(void **state)
{
    (void)state;
    char path[] = "/tmp/gcshim-unit-symbols-XXXXXX";
    struct specimen specimen;
    int fd = mkstemp(path);

    assert_int_equal(fchmod(fd, 0700), 0);
    close(fd);
    file_copy("/bin/cat", path);
    pid_t pid = process_begin(path);
    struct reader_process process = process_of(pid);

    unlink(path);
    specimen_open_as(&specimen, "/bin/cat", path, &process);
    (void)resolve(&specimen, 0x1234);
    assert_int_equal(symbols_state(specimen.symbols, 0), SYMBOLS_NAMES);
    specimen_close(&specimen);

    file_copy("/bin/ls", path); /* and now it has been replaced */
    specimen_open_as(&specimen, "/bin/cat", path, &process);
    (void)resolve(&specimen, 0x1234);
    assert_int_equal(symbols_state(specimen.symbols, 0), SYMBOLS_NAMES);
    specimen_close(&specimen);
    unlink(path);
    process_end(pid);
}

static char debug_by_id[PATH_BYTES];

/* /srv/program is the stripped one, /srv/whole the other and a link that
 * leads out of an ordinary root; the debug file lies where build ids say. */
static int container_with_program(void)
{
    char directory[PATH_BYTES];

    if (mount("tmpfs", "/usr/lib", "tmpfs", 0, "mode=755") < 0 ||
        mount("tmpfs", "/srv", "tmpfs", 0, "mode=755") < 0)
        return -1;
    (void)strcpy(directory, debug_by_id);
    *strrchr(directory, '/') = '\0';
    if (mkdir("/usr/lib/debug", 0755) < 0 ||
        mkdir("/usr/lib/debug/.build-id", 0755) < 0 ||
        mkdir(directory, 0755) < 0 || symlink("/srv/whole", "/srv/link") < 0)
        return -1;
    file_copy(DEBUG_FILE, debug_by_id);
    file_copy(STRIPPED, "/srv/program");
    file_copy(C_PROGRAM, "/srv/whole");
    return 0;
}

static void debug_by_id_find(void)
{
    struct reader_module module = {0};
    int at = 0;

    build_id_read(&module, C_PROGRAM);
    at = snprintf(debug_by_id, sizeof(debug_by_id),
                  "/usr/lib/debug/.build-id/%02x/", module.build_id[0]);
    for (size_t i = 1; i < module.build_id_bytes; i++)
        at += snprintf(debug_by_id + at, sizeof(debug_by_id) - (size_t)at,
                       "%02x", module.build_id[i]);
    (void)snprintf(debug_by_id + at, sizeof(debug_by_id) - (size_t)at,
                   ".debug");
}

/* The last thing that it does is to copy the whole program. */
static bool is_set_up(pid_t pid)
{
    char path[PATH_BYTES];
    struct stat whole;
    struct stat copy;

    (void)snprintf(path, sizeof(path), "/proc/%d/root/srv/whole", pid);
    return stat(C_PROGRAM, &whole) == 0 && stat(path, &copy) == 0 &&
           copy.st_size == whole.st_size;
}

static void files_of_a_container_are_read_in_it(void **state)
{
    (void)state;
    static const char *const paths[] = {"/srv/program", "/srv/whole",
                                        "/srv/link"};
    uint64_t address = told(C_PROGRAM, "inlined");

    if (geteuid() != 0)
        skip();
    debug_by_id_find();
    struct container container = container_begin(0, container_with_program);
    struct reader_process process = process_of(container.pid);
    struct specimen specimen;

    while (!is_set_up(container.pid))
        sched_yield();
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        specimen_open_as(&specimen, C_PROGRAM, paths[i], &process);
        assert_three_calls(resolve(&specimen, address));
        specimen_close(&specimen);
    }
    /* Of a file that is gone, the debug file is still there. */
    specimen_open_as(&specimen, C_PROGRAM, "/srv/gone", &process);
    assert_three_calls(resolve(&specimen, address));
    specimen_close(&specimen);
    /* A dead one's are found through who is still there. */
    process.root_pid = process.pid;
    process.state = READER_DEAD;
    specimen_open_as(&specimen, C_PROGRAM, "/srv/program", &process);
    assert_three_calls(resolve(&specimen, address));
    specimen_close(&specimen);
    container_end(&container);
}

/* ------------------------------------------------- code made at run time */

struct jit {
    char path[PATH_BYTES];
    struct reader_profile profile;
    struct reader_process process;
    struct symbols *symbols;
};

static void jit_open(struct jit *jit, const char *map, uid_t owner)
{
    *jit = (struct jit){.process = process_of(getpid())};
    (void)snprintf(jit->path, sizeof(jit->path), "/tmp/perf-%d.map", getpid());
    unlink(jit->path);
    FILE *file = fopen(jit->path, "w");

    assert_non_null(file);
    (void)fputs(map, file);
    (void)fclose(file);
    jit->process.uid = owner;
    assert_int_equal(
        symbols_open(&jit->symbols, &jit->profile, &jit->process, false), 0);
}

static const char *jit_name(struct jit *jit, uint64_t address)
{
    struct reader_frame frame = {.address = address + 1,
                                 .module = READER_MODULE_NONE};
    const struct symbols_frame *found = NULL;

    assert_int_equal(symbols_resolve(jit->symbols, &frame, &found), 0);
    assert_int_equal(found->call_count, 1);
    return found->calls[0].function;
}

static void jit_close(struct jit *jit)
{
    symbols_close(jit->symbols);
    unlink(jit->path);
}

static void code_made_at_run_time_is_named_by_its_map(void **state)
{
    (void)state;
    struct jit jit;

    jit_open(&jit,
             "7f0000002000 100 second one\n"
             "7f0000001000 80 first\n"
             "0x7f0000001000 40 recompiled\n",
             geteuid());
    assert_string_equal(jit_name(&jit, 0x7f0000002000), "second one");
    assert_string_equal(jit_name(&jit, 0x7f00000020ff), "second one");
    assert_null(jit_name(&jit, 0x7f0000002100));
    assert_null(jit_name(&jit, 0x7f0000000fff));
    assert_string_equal(jit_name(&jit, 0x7f0000001010), "recompiled");
    assert_string_equal(jit_name(&jit, 0x7f0000001050), "first");
    jit_close(&jit);
}

static void a_map_of_another_user_is_not_believed(void **state)
{
    (void)state;
    struct jit jit;

    jit_open(&jit, "1000 80 lie\n", geteuid() + 1);
    assert_null(jit_name(&jit, 0x1010));
    jit_close(&jit);
}

static void lines_of_a_map_that_make_no_sense_are_passed_over(void **state)
{
    (void)state;
    struct jit jit;

    jit_open(&jit,
             "\n \nnonsense\n-1 5 sign\n1000\n1000 \n1000 10\n1000 10 \n"
             "fffffffffffffff0 100 round\n"
             "11111111111111111111 10 long\n1000 0 empty\n"
             "1000  10 blanks\n"
             "2000 10 \x1b[31mred\xff\n3000 10 last",
             geteuid());
    assert_null(jit_name(&jit, 0x1000));
    assert_null(jit_name(&jit, 0xfffffffffffffff4));
    assert_string_equal(jit_name(&jit, 0x2000), "?[31mred?");
    assert_string_equal(jit_name(&jit, 0x3000), "last");
    jit_close(&jit);
}

/* ------------------------------------------------------------- interface */

static void a_frame_that_names_its_function_is_taken_at_its_word(void **state)
{
    (void)state;
    struct reader_profile profile = {0};
    struct reader_frame frame = {.module = READER_MODULE_NONE,
                                 .function = "spam",
                                 .file = "eggs.py",
                                 .line = 7};
    struct symbols *symbols = NULL;
    const struct symbols_frame *found = NULL;
    const struct symbols_frame *other = NULL;

    assert_int_equal(symbols_open(&symbols, &profile, NULL, false), 0);
    assert_int_equal(symbols_resolve(symbols, &frame, &found), 0);
    assert_int_equal(found->call_count, 1);
    assert_string_equal(found->calls[0].function, "spam");
    assert_string_equal(found->calls[0].file, "eggs.py");
    assert_int_equal(found->calls[0].line, 7);
    frame.line = 8;
    assert_int_equal(symbols_resolve(symbols, &frame, &other), 0);
    assert_int_equal(other->calls[0].line, 8);
    symbols_close(symbols);
}

static void the_same_frame_is_resolved_once(void **state)
{
    (void)state;
    struct specimen specimen;
    uint64_t address = told(C_PROGRAM, "inlined");

    specimen_open(&specimen, C_PROGRAM);
    const struct symbols_frame *first = resolve(&specimen, address);
    const struct symbols_frame *second = resolve(&specimen, address + 1);

    assert_int_equal(first->number, 0);
    assert_int_equal(second->number, 1);
    assert_ptr_equal(resolve(&specimen, address), first);
    specimen_close(&specimen);
}

static void an_address_reads_as_file_and_offset(void **state)
{
    (void)state;
    struct specimen specimen;
    char text[SYMBOLS_ADDRESS_BYTES];
    struct reader_frame frame = {.address = 0x1235, .module = 0};

    specimen_open_as(&specimen, C_PROGRAM, "/usr/lib/libfoo.so.1", NULL);
    assert_string_equal(symbols_address(specimen.symbols, &frame, text),
                        "libfoo.so.1+0x1234");
    frame.module = READER_MODULE_NONE;
    assert_string_equal(symbols_address(specimen.symbols, &frame, text),
                        "0x1234");
    specimen_close(&specimen);
}

/* ------------------------------------------------------------ broken files */

static unsigned char *program_read(size_t *ret_size)
{
    struct stat st;
    int fd = open(C_PROGRAM, O_RDONLY);

    assert_int_equal(fstat(fd, &st), 0);
    unsigned char *bytes = malloc((size_t)st.st_size);

    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    close(fd);
    *ret_size = (size_t)st.st_size;
    return bytes;
}

/* It counts as the right file, unless its build id has been hit. */
static void resolve_bytes(const unsigned char *bytes, size_t size)
{
    char path[] = "/tmp/gcshim-unit-symbols-XXXXXX";
    struct specimen specimen;
    int fd = mkstemp(path);

    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
    specimen_open_as(&specimen, C_PROGRAM, path, NULL);
    for (uint64_t address = 0xff0; address < 0x1300; address += 0x11)
        (void)resolve(&specimen, address);
    specimen_close(&specimen);
    unlink(path);
}

static void a_file_cut_short_anywhere_does_no_harm(void **state)
{
    (void)state;
    size_t size = 0;
    unsigned char *bytes = program_read(&size);

    for (size_t length = 0; length < size; length += size / 60)
        resolve_bytes(bytes, length);
    free(bytes);
}

static void headers_full_of_nonsense_do_no_harm(void **state)
{
    (void)state;
    size_t size = 0;
    unsigned char *bytes = program_read(&size);
    unsigned char *broken = malloc(size);
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
    size_t tables[] = {16, header->e_phoff, header->e_shoff};

    srand(1);
    for (int round = 0; round < 300; round++) {
        size_t at = tables[round % 3];

        memcpy(broken, bytes, size);
        for (int i = 0; i < 8; i++) {
            size_t place = at + (size_t)(rand() % 512);

            if (place < size)
                broken[place] = (unsigned char)rand();
        }
        resolve_bytes(broken, size);
    }
    free(broken);
    free(bytes);
}

/* Where the tree of functions lies in the file. */
static void debug_info_find(const unsigned char *bytes, size_t *ret_start,
                            size_t *ret_size)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)bytes;
    const Elf64_Shdr *section = (const Elf64_Shdr *)(bytes + header->e_shoff);
    const char *names =
        (const char *)bytes + section[header->e_shstrndx].sh_offset;

    while (strcmp(names + section->sh_name, ".debug_info") != 0)
        section++;
    *ret_start = section->sh_offset;
    *ret_size = section->sh_size;
}

static void debug_information_full_of_nonsense_does_no_harm(void **state)
{
    (void)state;
    size_t size = 0;
    size_t start = 0;
    size_t length = 0;
    unsigned char *bytes = program_read(&size);
    unsigned char *broken = malloc(size);

    debug_info_find(bytes, &start, &length);
    srand(1);
    for (int round = 0; round < 300; round++) {
        memcpy(broken, bytes, size);
        for (int i = 0; i < 1 << (round % 8); i++)
            broken[start + (size_t)rand() % length] = (unsigned char)rand();
        resolve_bytes(broken, size);
    }
    free(broken);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inlined_calls_come_innermost_first),
        cmocka_unit_test(cxx_names_read_as_people_write_them),
        cmocka_unit_test(rust_names_read_as_people_write_them),
        cmocka_unit_test(a_name_that_doubles_without_end_is_cut),
        cmocka_unit_test(functions_in_a_file_of_their_own_are_found),
        cmocka_unit_test(every_address_reads_as_addr2line_reads_it),
        cmocka_unit_test(a_stripped_file_is_read_with_the_debug_file_it_names),
        cmocka_unit_test(a_stripped_file_alone_says_what_is_missing),
        cmocka_unit_test(a_library_without_debug_information_has_names),
        cmocka_unit_test(a_debug_file_of_another_build_is_not_read),
        cmocka_unit_test(nobody_is_asked_over_the_network_unasked),
        cmocka_unit_test(another_build_is_not_read),
        cmocka_unit_test(a_file_that_is_not_there_is_said_to_be_so),
        cmocka_unit_test(the_mark_of_a_deleted_file_is_no_part_of_its_name),
        cmocka_unit_test(a_deleted_program_is_read_while_it_runs),
        cmocka_unit_test(files_of_a_container_are_read_in_it),
        cmocka_unit_test(code_made_at_run_time_is_named_by_its_map),
        cmocka_unit_test(a_map_of_another_user_is_not_believed),
        cmocka_unit_test(lines_of_a_map_that_make_no_sense_are_passed_over),
        cmocka_unit_test(a_frame_that_names_its_function_is_taken_at_its_word),
        cmocka_unit_test(the_same_frame_is_resolved_once),
        cmocka_unit_test(an_address_reads_as_file_and_offset),
        cmocka_unit_test(a_file_cut_short_anywhere_does_no_harm),
        cmocka_unit_test(headers_full_of_nonsense_do_no_harm),
        cmocka_unit_test(debug_information_full_of_nonsense_does_no_harm),
    };

    return RUN(tests);
}
