/* What the shim asks of the compiler, in one place. */
#ifndef SHIM_COMPILER_H
#define SHIM_COMPILER_H

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* Is worked out once and kept: gcc would work some addresses out again. */
#define OPAQUE(pointer) __asm__("" : "+r"(pointer))

/* Kept out of the fast path's code. */
#define COLD __attribute__((cold, noinline))

/* An object of another file of ours, reached without a table of addresses. */
#define INTERNAL __attribute__((visibility("hidden")))

/* A large table, which lies behind all that the beginning of a process writes
 * to (sections.ld), so that this fills few pages. */
#define TABLE __attribute__((section(".bss.tables")))

/* A name that programs bind to; all others stay inside. */
#define EXPORT __attribute__((visibility("default")))

/* Thread-local storage that is there from the thread's first instruction and
 * is reached without a call: a preloaded library has room in the static TLS
 * block, and __tls_get_addr() would allocate. */
#define THREAD_LOCAL __thread __attribute__((tls_model("initial-exec")))

#if defined(__SANITIZE_THREAD__)
#define SANITIZED_THREAD 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZED_THREAD 1
#endif
#endif

#endif
