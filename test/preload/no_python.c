/* A program that is no Python and exports what the shim looks for in one:
 *
 *   no_python HOW
 *
 *   old       a version that nobody knows
 *   sizes     types of other sizes
 *   null      a thread that runs nothing
 *   nowhere   a thread whose calls lie where nothing can be read
 *   wrapped   calls at the very end of all addresses
 *   orphan    one call, of a loop that nobody has called
 *   odd_type  calls of something that is no code
 *   endless   a call of code without a name that is its own caller
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCKS = 1000, NOWHERE = 0x1000 };

/* The code's address is half behind the last one. */
static const uint64_t WRAPPED = UINT64_MAX - 35;

/* By words, where 3.11 has them. */
enum {
    REFERENCES = 0,
    TYPE = 1,
    BASIC_SIZE = 4,
    THREAD_CFRAME = 7,
    THREAD_ID = 19,
    CFRAME_FRAME = 1,
    FRAME_CODE = 4,
    FRAME_PREVIOUS = 6,
    FRAME_IS_ENTRY = 8,
};

#define EXPORTED __attribute__((visibility("default")))

EXPORTED unsigned long Py_Version = 0x030b02f0;
EXPORTED uint64_t PyCode_Type[51] = {[BASIC_SIZE] = 184};
EXPORTED uint64_t PyFrame_Type[51] = {[BASIC_SIZE] = 120};
EXPORTED uint64_t PyUnicode_Type[51] = {[BASIC_SIZE] = 80};
EXPORTED uint64_t PyBytes_Type[51] = {[BASIC_SIZE] = 33};

static uint64_t thread[64], frame[16], code[32];
static uint64_t current = (uint64_t)frame;

EXPORTED void *PyGILState_GetThisThreadState(void);
EXPORTED void *_PyThreadState_UncheckedGet(void);
EXPORTED void *_PyEval_EvalFrameDefault(void);

void *PyGILState_GetThisThreadState(void)
{
    return thread;
}

void *_PyThreadState_UncheckedGet(void)
{
    return thread;
}

void *_PyEval_EvalFrameDefault(void)
{
    return NULL;
}

static int is(const char *how, const char *other)
{
    return how && strcmp(how, other) == 0;
}

static void be_python(void)
{
    thread[THREAD_ID] = (uint64_t)pthread_self();
    frame[FRAME_CODE] = (uint64_t)code;
    frame[FRAME_PREVIOUS] = (uint64_t)frame;
    code[REFERENCES] = 1;
    code[TYPE] = (uint64_t)PyCode_Type;
}

/* Before any library's constructor. */
static void prepare(int argc, char **argv, char **environment)
{
    const char *how = argc == 2 ? argv[1] : NULL;
    (void)environment;
    be_python();
    if (is(how, "old"))
        Py_Version = 0x030a0000;
    else if (is(how, "sizes"))
        PyFrame_Type[BASIC_SIZE] = 128;
    else if (is(how, "null"))
        current = 0;
    else if (is(how, "nowhere"))
        current = NOWHERE;
    else if (is(how, "wrapped"))
        current = WRAPPED;
    else if (is(how, "orphan"))
        frame[FRAME_IS_ENTRY] = UINT64_C(1) << 32;
    else if (is(how, "odd_type"))
        code[TYPE] = (uint64_t)PyBytes_Type;
    else if (!is(how, "endless"))
        exit(64);
}

typedef void initializer(int argc, char **argv, char **environment);

__attribute__((section(".preinit_array"), used)) static initializer *before =
    prepare;

/* Its frame on the stack has the list of calls, as the evaluation loop's. */
int main(void)
{
    uint64_t cframe[4] = {[CFRAME_FRAME] = current};
    thread[THREAD_CFRAME] = (uint64_t)cframe;
    for (int i = 0; i < BLOCKS; i++)
        free(malloc(1000));
    thread[THREAD_CFRAME] = 0;
    puts("done");
    return 0;
}
