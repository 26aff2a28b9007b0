/* The program that is to be run: see program.h. */
#include "run/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "run/elf.h"

enum {
    SCRIPT_LINE_BYTES = 256, /* the kernel looks no further either */
    SCRIPT_DEPTH = 4,
};

/* ---------------------------------------------------------------- find */

static bool is_program(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
           access(path, X_OK) == 0;
}

int program_find(const char *name, char ret_path[PATH_MAX])
{
    const char *path = getenv("PATH");

    if (strchr(name, '/')) {
        if (strlen(name) >= PATH_MAX || access(name, F_OK) < 0)
            return -ENOENT;
        (void)snprintf(ret_path, PATH_MAX, "%s", name);
        return 0;
    }
    /* As execvp has it where PATH is not set. */
    for (const char *at = path ? path : "/bin:/usr/bin"; at;) {
        char candidate[PATH_MAX];
        int length = (int)strcspn(at, ":");
        int written = snprintf(candidate, sizeof(candidate), "%.*s%s%s", length,
                               at, length > 0 ? "/" : "", name);

        if (written > 0 && written < PATH_MAX && is_program(candidate)) {
            memcpy(ret_path, candidate, (size_t)written + 1);
            return 0;
        }
        at = at[length] == ':' ? at + length + 1 : NULL;
    }
    return -ENOENT;
}

/* ---------------------------------------------------------- privileges */

/* Whether the kernel pays regard to the file's extra rights at all. */
static bool may_gain_rights(int fd)
{
    struct statvfs fs;

    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 &&
           (fstatvfs(fd, &fs) < 0 || !(fs.f_flag & ST_NOSUID));
}

/* How the program gains rights, for which the loader would drop LD_PRELOAD;
 * NULL if it does not. */
static const char *rights_gained(int fd, const struct stat *st)
{
    if (!may_gain_rights(fd))
        return NULL;
    if ((st->st_mode & S_ISUID) && st->st_uid != getuid())
        return "setuid";
    if ((st->st_mode & S_ISGID) && (st->st_mode & S_IXGRP) &&
        st->st_gid != getgid())
        return "setgid";
    if (getuid() != 0 && fgetxattr(fd, "security.capability", NULL, 0) > 0)
        return "given capabilities";
    return NULL;
}

/* ------------------------------------------------------------- scripts */

/* The program that "env" would run: its first argument that is neither an
 * option nor an assignment. */
static bool env_target(char *words, char ret_path[PATH_MAX])
{
    for (char *word = strtok_r(words, " \t", &words); word;
         word = strtok_r(NULL, " \t", &words)) {
        if (*word != '-' && !strchr(word, '='))
            return program_find(word, ret_path) == 0;
    }
    return false;
}

/* Whether head is of a script; then its interpreter. */
static bool script_interpreter(char *head, char ret_path[PATH_MAX])
{
    char *rest = NULL;
    char *program = NULL;

    if (strncmp(head, "#!", 2) != 0)
        return false;
    head[strcspn(head, "\n")] = '\0';
    program = strtok_r(head + 2, " \t", &rest);
    if (!program)
        return false;

    const char *slash = strrchr(program, '/');

    if (slash && strcmp(slash, "/env") == 0 && env_target(rest, ret_path))
        return true;
    (void)snprintf(ret_path, PATH_MAX, "%s", program);
    return true;
}

static void head_read(int fd, char head[SCRIPT_LINE_BYTES])
{
    ssize_t got = pread(fd, head, SCRIPT_LINE_BYTES - 1, 0);

    head[got > 0 ? got : 0] = '\0';
}

/* ------------------------------------------------------------- inspect */

__attribute__((format(printf, 2, 3))) static void
say(char obstacle[PROGRAM_OBSTACLE_BYTES], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(obstacle, PROGRAM_OBSTACLE_BYTES, format, args);
    va_end(args);
}

static void elf_judge(const char *path, const struct elf_facts *facts,
                      char obstacle[PROGRAM_OBSTACLE_BYTES])
{
    if (!facts->is_own_kind)
        say(obstacle,
            "%s is for another kind of machine than libgcshim.so: "
            "nothing can be preloaded into it",
            path);
    else if (!facts->has_loader && !facts->is_loader)
        say(obstacle,
            "%s is a static program: nothing can be preloaded "
            "into it",
            path);
    else if (facts->is_musl)
        say(obstacle,
            "%s is linked to musl, libgcshim.so to glibc: it "
            "cannot be preloaded",
            path);
    else if (*facts->defines)
        say(obstacle,
            "%s has an allocator of its own linked in (it defines "
            "%s): gcshim will not see its memory",
            path, facts->defines);
    else if (*facts->allocator)
        say(obstacle,
            "%s is linked to %s: what it asks of that library by "
            "other names than malloc and its kin, gcshim will not "
            "see",
            path, facts->allocator);
}

/* Returns whether path is a script, to go on with what ret_next names. */
static bool file_inspect(const char *path,
                         char obstacle[PROGRAM_OBSTACLE_BYTES],
                         char ret_next[PATH_MAX])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct elf_facts facts = {0};
    char head[SCRIPT_LINE_BYTES];
    struct stat st;
    bool is_script = false;

    if (fd < 0) /* it may be run all the same, and we know nothing */
        return false;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        goto close;
    head_read(fd, head);
    is_script = script_interpreter(head, ret_next);
    if (is_script || elf_inspect(fd, &facts) < 0 || !facts.is_elf)
        goto close;

    const char *rights = rights_gained(fd, &st);

    if (rights)
        say(obstacle, "%s is %s: the loader preloads nothing into it", path,
            rights);
    else
        elf_judge(path, &facts, obstacle);

close:
    close(fd);
    return is_script;
}

/* From interpreter to interpreter; the last one is in ret_program. */
static void chain_inspect(const char *path,
                          char obstacle[PROGRAM_OBSTACLE_BYTES],
                          char ret_program[PATH_MAX])
{
    char next[PATH_MAX];

    obstacle[0] = '\0';
    (void)snprintf(ret_program, PATH_MAX, "%s", path);
    for (int depth = 0; depth < SCRIPT_DEPTH; depth++) {
        if (!file_inspect(ret_program, obstacle, next))
            return;
        memcpy(ret_program, next, sizeof(next));
    }
}

void program_inspect(const char *path,
                     char ret_obstacle[PROGRAM_OBSTACLE_BYTES])
{
    char program[PATH_MAX];

    chain_inspect(path, ret_obstacle, program);
}

void program_interpret(const char *path, char ret_path[PATH_MAX])
{
    char ignored[PROGRAM_OBSTACLE_BYTES];
    char program[PATH_MAX];

    chain_inspect(path, ignored, program);
    if (!realpath(program, ret_path))
        memcpy(ret_path, program, sizeof(program));
}
