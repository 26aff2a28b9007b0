/* The system calls of the shim, all of them, as raw calls: the functions of
 * libc may be cancellation points or belong to another preloaded library.
 * Each returns what the kernel does, or -errno; errno itself changes, so that
 * whoever comes from malloc or free keeps it.
 */
#ifndef SHIM_SYS_H
#define SHIM_SYS_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* Linux 5.14 */
#endif

static inline long sys_result(long result)
{
    return result == -1 ? -errno : result;
}

static inline int sys_open(const char *path, int flags, mode_t mode)
{
    return (int)sys_result(syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

static inline void sys_close(int fd)
{
    syscall(SYS_close, fd);
}

/* A second descriptor of the same file, not below least. */
static inline int sys_dup_above(int fd, int least)
{
    return (int)sys_result(syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, least));
}

static inline ssize_t sys_read(int fd, void *to, size_t bytes)
{
    return sys_result(syscall(SYS_read, fd, to, bytes));
}

static inline ssize_t sys_write(int fd, const void *from, size_t bytes)
{
    return sys_result(syscall(SYS_write, fd, from, bytes));
}

static inline int sys_fstat(int fd, struct stat *ret_stat)
{
    return (int)sys_result(syscall(SYS_newfstatat, fd, "", ret_stat,
                                   AT_EMPTY_PATH));
}

static inline int sys_ftruncate(int fd, off_t bytes)
{
    return (int)sys_result(syscall(SYS_ftruncate, fd, bytes));
}

static inline int sys_fallocate(int fd, off_t from, off_t bytes)
{
    return (int)sys_result(syscall(SYS_fallocate, fd, 0, from, bytes));
}

static inline int sys_unlink(const char *path)
{
    return (int)sys_result(syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

/* Maps over what is there.  The last argument is the seventh and lies on the
 * stack, where an int would leave half of it undefined. */
static inline int sys_map_over(void *at, size_t bytes, int flags, int fd)
{
    long mapped = syscall(SYS_mmap, at, bytes, PROT_READ | PROT_WRITE,
                          MAP_FIXED | flags, fd, 0L);
    return mapped == -1 ? -errno : 0;
}

static inline int sys_madvise(void *at, size_t bytes, int advice)
{
    return (int)sys_result(syscall(SYS_madvise, at, bytes, advice));
}

static inline uint64_t sys_file_size_limit(void)
{
    struct rlimit limit = {0};
    long done = syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
    return done == 0 ? limit.rlim_cur : UINT64_MAX;
}

/* Not NUL-terminated. */
static inline ssize_t sys_readlink(const char *path, char *to, size_t bytes)
{
    return sys_result(syscall(SYS_readlinkat, AT_FDCWD, path, to, bytes));
}

/* limit may be NULL. */
static inline int sys_file_count_limit(const struct rlimit *limit,
                                       struct rlimit *ret_old)
{
    return (int)sys_result(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, limit,
                                   ret_old));
}

/* From now on the calling thread's descriptors are its own. */
static inline int sys_unshare_files(void)
{
    return (int)sys_result(syscall(SYS_unshare, CLONE_FILES));
}

/* Whether 8 bytes at address can be read, and nothing else: the kernel looks
 * at the set before it finds that it does not know the verb; at none where
 * there is none. */
static inline bool sys_can_read(uint64_t address)
{
    enum { NO_SUCH_VERB = 1 << 20 };
    return address != 0 &&
           sys_result(syscall(SYS_rt_sigprocmask, NO_SUCH_VERB, address, NULL,
                              8)) != -EFAULT;
}

static inline uint32_t sys_getpid(void)
{
    return (uint32_t)syscall(SYS_getpid);
}

static inline uint32_t sys_getppid(void)
{
    return (uint32_t)syscall(SYS_getppid);
}

static inline uint32_t sys_geteuid(void)
{
    return (uint32_t)syscall(SYS_geteuid);
}

enum { SYS_SIGSET_BYTES = 8 };

static inline void sys_block_signals(uint64_t *ret_old)
{
    uint64_t all = UINT64_MAX;
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &all, ret_old, SYS_SIGSET_BYTES);
}

/* Of the calling thread: those blocked. */
static inline void sys_signals_blocked(uint64_t *ret_blocked)
{
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, ret_blocked,
            SYS_SIGSET_BYTES);
}

static inline void sys_restore_signals(const uint64_t *old)
{
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, old, NULL, SYS_SIGSET_BYTES);
}

#endif
