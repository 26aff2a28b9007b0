/* The language runtime that a program is: see runtime.h.
 *
 * docs/runtimes.md tells what each keeps from malloc, and how that was
 * seen. */
#include "run/runtime.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run/elf.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* ------------------------------------------------------------ which it is */

/* "python3.11", and "python3.13t" where the build has no GIL. */
static bool is_name(const char *name, const char *start, const char *end)
{
    const char *version = name + strlen(start);

    return starts_with(name, start) &&
           strcmp(version + strspn(version, "0123456789."), end) == 0;
}

static enum runtime runtime_by_name(const char *name)
{
    static const struct {
        const char *start, *end;
        enum runtime runtime;
    } names[] = {
        {"python", "", RUNTIME_PYTHON},
        {"python", "t", RUNTIME_PYTHON_FREE_THREADED},
        {"ruby", "", RUNTIME_RUBY},
        {"php", "", RUNTIME_PHP},
        {"php-cgi", "", RUNTIME_PHP},
        {"php-fpm", "", RUNTIME_PHP},
        {"node", "", RUNTIME_V8},
    };

    for (size_t i = 0; i < COUNT(names); i++) {
        if (is_name(name, names[i].start, names[i].end))
            return names[i].runtime;
    }
    return RUNTIME_NONE;
}

static enum runtime runtime_by_file(const char *path)
{
    static const enum runtime runtimes[] = {
        [ELF_RUNTIME_NONE] = RUNTIME_NONE,
        [ELF_RUNTIME_GO] = RUNTIME_GO,
        [ELF_RUNTIME_JAVA] = RUNTIME_JAVA,
        [ELF_RUNTIME_V8] = RUNTIME_V8,
    };
    struct elf_facts facts = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0)
        return RUNTIME_NONE;
    (void)elf_inspect(fd, &facts);
    (void)close(fd);
    return runtimes[facts.runtime];
}

enum runtime runtime_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    enum runtime runtime = runtime_by_name(slash ? slash + 1 : path);

    return runtime == RUNTIME_NONE ? runtime_by_file(path) : runtime;
}

/* ----------------------------------------------------------- what is unseen */

static bool is_variable(const char *name, const char *start)
{
    const char *value = getenv(name);

    return value && starts_with(value, start);
}

/* Whether its options keep Python from its variables: -I or -E, alone or
 * among others, before what is to be run. */
static bool ignores_variables(char *const *argv)
{
    for (char *const *word = argv + 1; *word && **word == '-'; word++) {
        const char *letter = *word + 1;

        if (*letter == '-' || !*letter)
            return false;
        for (; *letter && !strchr("cmWX", *letter); letter++) {
            if (*letter == 'I' || *letter == 'E')
                return true;
        }
        if (*letter == 'c' || *letter == 'm')
            return false;
        if (*letter && !letter[1] && word[1])
            word++; /* the option's value is the next word */
    }
    return false;
}

static const char *python_limit(char *const *argv)
{
    if (!is_variable("PYTHONMALLOC", "malloc"))
        return "takes memory for objects of up to 512 bytes from an allocator "
               "of its own: what these use is not seen, nor counted towards a "
               "collection (--all-python changes that)";
    if (ignores_variables(argv))
        return "pays no regard to PYTHONMALLOC with -I or -E: what objects of "
               "up to 512 bytes use is not seen";
    return NULL;
}

/* Whether it was told to load no extensions. */
static bool is_php_bare(char *const *argv)
{
    for (char *const *word = argv + 1; *word && **word == '-'; word++) {
        if (strcmp(*word, "-n") == 0 || strcmp(*word, "--no-php-ini") == 0)
            return true;
        if (strcmp(*word, "-r") == 0 || strcmp(*word, "--") == 0)
            return false;
    }
    return false;
}

static const char *php_limit(char *const *argv)
{
    if (!is_php_bare(argv))
        return "loads extensions so that they call libc's free on others' "
               "blocks (RTLD_DEEPBIND): under any preloaded allocator that "
               "can end it (php -n, which loads none, runs)";
    if (!is_variable("USE_ZEND_ALLOC", "0"))
        return "takes its memory from the system by itself, in chunks: what a "
               "script uses is not seen (USE_ZEND_ALLOC=0 changes that)";
    return NULL;
}

const char *runtime_limit(enum runtime runtime, char *const *argv)
{
    switch (runtime) {
    case RUNTIME_PYTHON:
        return python_limit(argv);
    case RUNTIME_PYTHON_FREE_THREADED:
        if (is_variable("GCSHIM_GC", "observe") ||
            is_variable("GCSHIM_GC", "pace"))
            return NULL; /* the library says it */
        return "keeps its objects in an allocator of its own, as a build "
               "without a GIL: they are not seen";
    case RUNTIME_RUBY:
        return "takes the slots of its objects from the system by itself, "
               "40 bytes each: only what objects hold beyond that is seen";
    case RUNTIME_PHP:
        return php_limit(argv);
    case RUNTIME_JAVA:
        return "keeps Java's objects in a heap that it takes from the system "
               "by itself: only what its native code uses is seen";
    case RUNTIME_V8:
        return "keeps JavaScript's objects in a heap that it takes from the "
               "system by itself: only buffers and what native code uses are "
               "seen";
    case RUNTIME_GO:
        return "is a Go program, whose own memory is taken from the system by "
               "itself: only what its C code uses is seen";
    case RUNTIME_NONE:
        break;
    }
    return NULL;
}

/* ---------------------------------------------------------------- presets */

static const struct preset_variable python[] = {
    {"PYTHONMALLOC", "malloc"}, {"GCSHIM_GC", "observe"}, {NULL, NULL}};
/* PYTHONMALLOC=malloc keeps it from starting; its objects are not seen. */
static const struct preset_variable none[] = {{NULL, NULL}};
static const struct preset_variable ruby[] = {{"GCSHIM_GC", "observe"},
                                              {NULL, NULL}};

const struct preset_variable *preset_find(const char *name,
                                          enum runtime runtime)
{
    if (strcmp(name, "auto") == 0) {
        return runtime == RUNTIME_PYTHON ? python
               : runtime == RUNTIME_RUBY ? ruby
                                         : none;
    }
    if (strcmp(name, "python") == 0)
        return runtime == RUNTIME_PYTHON_FREE_THREADED ? none : python;
    return strcmp(name, "ruby") == 0 ? ruby : NULL;
}
