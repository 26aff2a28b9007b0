/* The language runtime that a program is: what a preloaded allocator cannot
 * see of it, and the settings that show the most. */
#ifndef GCSHIM_RUN_RUNTIME_H
#define GCSHIM_RUN_RUNTIME_H

#include <stdbool.h>

enum runtime {
    RUNTIME_NONE, /* none that we know */
    RUNTIME_PYTHON,
    RUNTIME_PYTHON_FREE_THREADED,
    RUNTIME_RUBY,
    RUNTIME_PHP,
    RUNTIME_JAVA,
    RUNTIME_V8,
    RUNTIME_GO,
};

/* By the file's name, and else by what it is linked to.  path: a program, not
 * a script; see program_interpret(). */
enum runtime runtime_of(const char *path);

/* What is not seen of it, to go behind its name: one sentence, or NULL.  argv
 * and the environment (PYTHONMALLOC, USE_ZEND_ALLOC) may have changed that. */
const char *runtime_limit(enum runtime runtime, char *const *argv);

struct preset_variable {
    const char *name; /* NULL: no more */
    const char *value;
};

/* What a preset sets, or NULL where there is none of that name.  "auto" is
 * the runtime's own; a runtime without one has an empty list, and so has
 * Python where PYTHONMALLOC would keep it from starting, of that variable. */
const struct preset_variable *preset_find(const char *name,
                                          enum runtime runtime);

#endif
