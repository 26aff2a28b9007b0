/* A program that embeds Python:
 *
 *   gc_embed ROUNDS SCRIPT   begins it, runs SCRIPT and ends it, so many times
 *   gc_embed exception       has it make its pending calls, one of the pacer's
 *                            among them, while an exception is set
 */
#include <Python.h>

#include <stdlib.h>
#include <string.h>

enum { BYTES = 64 << 20 };

static int rounds(int number, const char *script)
{
    for (int i = 0; i < number; i++) {
        Py_Initialize();
        if (PyRun_SimpleString(script) != 0 || Py_FinalizeEx() != 0)
            return 1;
    }
    return number > 0 ? 0 : 64;
}

static int exception(void)
{
    Py_Initialize();
    PyErr_SetString(PyExc_KeyError, "mine");
    void *p = malloc(BYTES); /* beyond the goal */
    Py_MakePendingCalls();
    int is_same = PyErr_ExceptionMatches(PyExc_KeyError);
    free(p);
    PyErr_Clear();
    return Py_FinalizeEx() == 0 && is_same ? 0 : 1;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "exception") == 0)
        return exception();
    return argc == 3 ? rounds(atoi(argv[1]), argv[2]) : 64;
}
