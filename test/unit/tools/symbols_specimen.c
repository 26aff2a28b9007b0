/* A program whose addresses are known: it prints where a call in three inlined
 * functions returns to, and where one that was not inlined does, as addresses
 * in its file. */
#include <link.h>
#include <stdint.h>
#include <stdio.h>

static uintptr_t bias;
static volatile int seen;

static int bias_note(struct dl_phdr_info *info, size_t size, void *arg)
{
    (void)size, (void)arg;
    bias = info->dlpi_addr;
    return 1; /* the first is the program itself */
}

static __attribute__((noinline)) void specimen_tell(const char *name)
{
    printf("%s %lx\n", name,
           (unsigned long)((uintptr_t)__builtin_return_address(0) - bias));
    seen++;
}

static inline __attribute__((always_inline)) void specimen_inner(int n)
{
    if (n > 0)
        specimen_tell("inlined"); /* inner */
    seen += n;
}

static inline __attribute__((always_inline)) void specimen_middle(int n)
{
    for (int i = 0; i < n; i++)
        specimen_inner(i + n); /* middle */
}

static __attribute__((noinline)) void specimen_outer(int n)
{
    specimen_middle(n); /* outer */
    seen++;
}

static __attribute__((noinline)) void specimen_plain(void)
{
    specimen_tell("plain"); /* plain */
    seen++;
}

int main(int argc, char **argv)
{
    (void)argv;
    dl_iterate_phdr(bias_note, NULL);
    specimen_outer(argc);
    specimen_plain();
    return 0;
}
