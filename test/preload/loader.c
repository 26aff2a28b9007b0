/* A C program, not linked with libstdc++, that loads C++ extensions with
 * RTLD_LOCAL: loader EXTENSION... */
#include "verdict.h"

#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

typedef int probe(size_t size);

static void use(void *extension)
{
    probe *throws = (probe *)dlsym(extension, "new_throws_bad_alloc");
    probe *handler = (probe *)dlsym(extension, "handler_runs_first");
    size_t (*build)(size_t) =
        (size_t(*)(size_t))dlsym(extension, "builds_a_string");
    CHECK(throws && handler && build, "no functions");
    if (failures)
        return;
    CHECK(!throws(100), "100 bytes are to be had");
    CHECK(throws(PTRDIFF_MAX - 4096), "no bad_alloc");
    CHECK(handler(PTRDIFF_MAX - 4096), "no call of the handler");
    CHECK(throws(SIZE_MAX), "no bad_alloc");
    CHECK(build(5000) == 5000, "string");
}

int main(int argc, char **argv)
{
    /* Else the test shows nothing. */
    CHECK(!dlsym(RTLD_DEFAULT, "__cxa_throw"), "libstdc++ is there already");
    for (int i = 1; i < argc; i++) {
        void *extension = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
        CHECK(extension, "%s", dlerror());
        if (extension)
            use(extension);
    }
    return verdict();
}
