#include "cxx_runtime.h"

#include "compiler.h"

#include <dlfcn.h>
#include <stddef.h>

/* Runtimes by the names of their libraries: GNU's and LLVM's. */
static const char *const runtimes[] = {"libstdc++.so.6", "libc++.so.1",
                                       "libc++abi.so.1"};

/* Looked up only when needed: a C program may load C++ at any time. */
COLD any_function *cxx_runtime_function(const char *name)
{
    any_function *function = NULL;
    for (size_t i = 0; i < sizeof(runtimes) / sizeof(runtimes[0]); i++) {
        void *runtime = dlopen(runtimes[i], RTLD_LAZY | RTLD_NOLOAD);
        if (!runtime)
            continue;
        /* POSIX's own way round what ISO C has no cast for. */
        *(void **)&function = dlsym(runtime, name);
        dlclose(runtime);
        if (function)
            break;
    }
    return function;
}
