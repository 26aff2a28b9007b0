/* Programs that end in every way there is: life HOW [BYTES].
 *
 * "hold" first: takes BYTES, prints a line, waits for one, then ends HOW;
 * after children it prints another and waits again. */
#include "ledger.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

extern char **environ;

static void crash(int number)
{
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    raise(number);
}

static int spawned(void)
{
    char *argv[] = {(char *)"true", NULL};
    int status = 0;
    for (int i = 0; i < 20; i++) {
        pid_t pid;
        if (posix_spawn(&pid, "/bin/true", NULL, NULL, argv, environ) ||
            waitpid(pid, &status, 0) != pid || status)
            return 1;
    }
    return 0;
}

static int vforked(void)
{
    int status = 0;
    for (int i = 0; i < 20; i++) {
        pid_t pid = vfork();
        if (pid == 0) {
            execl("/bin/true", "true", (char *)NULL);
            _exit(9);
        }
        if (waitpid(pid, &status, 0) != pid || status)
            return 1;
        pid = vfork();
        if (pid == 0)
            _exit(3);
        if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 3)
            return 1;
    }
    return 0;
}

/* A child that leaves by _exit must not take its parent's account along. */
static int forked(void)
{
    int status = 0;
    for (int i = 0; i < 20; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            free(malloc(100000));
            i % 2 ? _exit(3) : exit(3);
        }
        if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 3)
            return 1;
    }
    return 0;
}

#define ALLOW(name)                                      \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

/* Only what a program and plain mimalloc need from here on; all else kills.
 * Then memory enough for ticks, and a normal end. */
static int sandboxed(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(read), ALLOW(write), ALLOW(mmap), ALLOW(munmap),
        ALLOW(mprotect), ALLOW(madvise), ALLOW(brk), ALLOW(futex),
        ALLOW(exit), ALLOW(exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        return 6;
    for (size_t bytes = 1; bytes < 50 << 20; bytes = bytes * 5 / 4 + 1)
        for (int i = 0; i < 5; i++)
            free(memset(malloc(bytes), 1, bytes < 4096 ? bytes : 4096));
    exit(5);
}

static void at_quick_exit_line(void)
{
    say("quickly\n", 8);
}

static int children(int (*make)(void), bool hold)
{
    int status = make();
    if (hold) {
        say("waited\n", 7);
        await_line();
    }
    return status;
}

static int end(const char *how, bool hold)
{
    if (!strcmp(how, "exit"))
        exit(5);
    if (!strcmp(how, "_exit"))
        _exit(5);
    if (!strcmp(how, "_Exit"))
        _Exit(5);
    if (!strcmp(how, "quick_exit")) {
        at_quick_exit(at_quick_exit_line);
        quick_exit(5);
    }
    if (!strcmp(how, "abort"))
        crash(SIGABRT);
    if (!strcmp(how, "segv"))
        crash(SIGSEGV);
    if (!strcmp(how, "kill"))
        crash(SIGKILL);
    if (!strcmp(how, "term"))
        crash(SIGTERM);
    if (!strcmp(how, "sandbox"))
        return sandboxed();
    if (!strcmp(how, "exec"))
        execl("/bin/echo", "echo", "executed", (char *)NULL);
    if (!strcmp(how, "spawn"))
        return children(spawned, hold);
    if (!strcmp(how, "vfork"))
        return children(vforked, hold);
    if (!strcmp(how, "fork"))
        return children(forked, hold);
    return 64;
}

int main(int argc, char **argv)
{
    bool hold = argc > 1 && !strcmp(argv[1], "hold");
    argv += hold;
    argc -= hold;
    if (argc < 2)
        return 64;
    size_t bytes = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000;
    void *block = malloc(bytes);
    memset(block, 1, bytes);
    if (hold) {
        say("holding\n", 8);
        await_line();
    }
    return end(argv[1], hold);
}
