/* CPython 3.11 and later, builds with a GIL, by its exported symbols.
 *
 * Collections are seen by a function of ours in each interpreter's
 * gc.callbacks, and asked for by a pending call, which the interpreter makes
 * where it is safe to run anything.  No object of Python's is kept from one
 * call to the next: interpreters come and go.
 *
 * A build without a GIL keeps its objects in a mimalloc of its own, out of our
 * sight: it is introduced as blind and left alone.
 */
#include "collection.h"
#include "collector.h"
#include "compiler.h"
#include "settings.h"
#include "text.h"
#include "thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

/* What of CPython's headers is needed here; all of it is stable. */
typedef struct object object;
typedef struct interpreter interpreter;
typedef struct thread_state thread_state;
typedef int pending_call(void *arg);

struct method {
    const char *name;
    object *(*function)(object *self, object *arguments);
    int flags;
    const char *documentation;
};

enum {
    METHOD_VARARGS = 1,
    VERSION_SHIFT = 16, /* of Py_Version: major and minor above it */
    VERSION_3_11 = 0x030b,
    VERSION_3_12 = 0x030c,
    INTERPRETERS = 64,
};

/* Each name as CPython exports it.  The second list may lack some. */
#define NEEDED(X)                                                            \
    X(int, Py_IsInitialized, (void))                                         \
    X(const char *, Py_GetVersion, (void))                                   \
    X(int, Py_AddPendingCall, (pending_call *, void *))                      \
    X(object *, PyImport_ImportModuleLevel,                                  \
      (const char *, object *, object *, object *, int))                     \
    X(object *, PyObject_GetAttrString, (object *, const char *))            \
    X(object *, PyObject_CallMethod,                                         \
      (object *, const char *, const char *, ...))                           \
    X(object *, PyCFunction_NewEx, (struct method *, object *, object *))    \
    X(void *, PyCFunction_GetFunction, (object *))                           \
    X(object *, PyTuple_GetItem, (object *, ptrdiff_t))                      \
    X(object *, PyDict_GetItemString, (object *, const char *))              \
    X(const char *, PyUnicode_AsUTF8, (object *))                            \
    X(long, PyLong_AsLong, (object *))                                       \
    X(int, PyList_Append, (object *, object *))                              \
    X(object *, PyList_GetItem, (object *, ptrdiff_t))                       \
    X(ptrdiff_t, PyList_Size, (object *))                                    \
    X(int, PyGC_IsEnabled, (void))                                           \
    X(void, PyErr_Clear, (void))                                             \
    X(void, PyErr_Fetch, (object **, object **, object **))                  \
    X(void, PyErr_Restore, (object *, object *, object *))                   \
    X(object *, PyErr_Occurred, (void))                                      \
    X(void, Py_IncRef, (object *))                                           \
    X(void, Py_DecRef, (object *))

#define OPTIONAL(X)                                                          \
    X(int, Py_IsFinalizing, (void))                                          \
    X(int, _Py_IsFinalizing, (void))                                         \
    X(thread_state *, PyThreadState_GetUnchecked, (void))                    \
    X(thread_state *, _PyThreadState_UncheckedGet, (void))                   \
    X(interpreter *, PyThreadState_GetInterpreter, (thread_state *))         \
    X(int, _PyEval_AddPendingCall,                                           \
      (interpreter *, pending_call *, void *, int))

static struct {
#define FUNCTION(result, name, parameters) result(*name) parameters;
    NEEDED(FUNCTION)
    OPTIONAL(FUNCTION)
#undef FUNCTION
    const unsigned long *Py_Version;
    object *none;
    object *cfunction_type;
} python;

static bool is_blind;
static bool has_attached;          /* or arranged to */
static _Atomic uint32_t is_queued; /* a pending call of ours */

static void find_function(void *to, const char *name)
{
    *(void **)to = dlsym(RTLD_DEFAULT, name);
}

static bool has_all(void)
{
#define HAS(result, name, parameters)                                        \
    if (!python.name)                                                        \
        return false;
    NEEDED(HAS)
#undef HAS
    return python.Py_Version && python.none && python.cfunction_type;
}

static unsigned version(void)
{
    return (unsigned)(*python.Py_Version >> VERSION_SHIFT);
}

/* "3.13.1 experimental free-threading build (...)" */
static bool has_no_gil(const char *version_text)
{
    return strstr(version_text, "free-threading") != NULL;
}

static void introduce(void)
{
    char name[GCSHIM_GC_RUNTIME_BYTES];
    struct text text = text_on(name, sizeof(name));
    text_put(&text, "cpython ");
    text_put_number(&text, version() >> 8);
    text_put(&text, ".");
    text_put_number(&text, version() & 0xff);
    if (is_blind)
        text_put(&text, "t");
    collection_introduce(name, is_blind);
}

static void warn_blind(void)
{
    char line[160];
    struct text text = text_on(line, sizeof(line));
    text_put(&text, "this Python has no GIL and keeps its objects in an "
                    "allocator of its own: its memory cannot be seen here, "
                    "and its collector is left alone");
    text_warn(&text);
}

static bool find(void)
{
#define FIND(result, name, parameters) find_function((void *)&python.name, #name);
    NEEDED(FIND)
    OPTIONAL(FIND)
#undef FIND
    find_function((void *)&python.Py_Version, "Py_Version");
    find_function((void *)&python.none, "_Py_NoneStruct");
    find_function((void *)&python.cfunction_type, "PyCFunction_Type");
    if (!has_all() || version() < VERSION_3_11)
        return false;
    is_blind = has_no_gil(python.Py_GetVersion());
    introduce();
    if (is_blind)
        warn_blind();
    return !is_blind;
}

static bool is_running(void)
{
    if (!python.Py_IsInitialized())
        return false;
    if (python.Py_IsFinalizing)
        return !python.Py_IsFinalizing();
    return !python._Py_IsFinalizing || !python._Py_IsFinalizing();
}

/* --------------------------------------------------- collections, observed */

static uint64_t number_of(object *info, const char *key)
{
    object *value = python.PyDict_GetItemString(info, key);
    long number = value ? python.PyLong_AsLong(value) : -1;
    if (number < 0) {
        python.PyErr_Clear();
        return OBJECTS_UNKNOWN;
    }
    return (uint64_t)number;
}

/* def callback(phase, info) */
static object *on_collection(object *self, object *arguments)
{
    object *name = python.PyTuple_GetItem(arguments, 0);
    object *info = name ? python.PyTuple_GetItem(arguments, 1) : NULL;
    const char *phase = info ? python.PyUnicode_AsUTF8(name) : NULL;
    (void)self;
    if (!phase)
        return NULL;
    if (strcmp(phase, "start") == 0)
        collection_begin((unsigned)number_of(info, "generation"));
    else if (strcmp(phase, "stop") == 0)
        collection_end(number_of(info, "collected"));
    python.Py_IncRef(python.none);
    return python.none;
}

static struct method callback_method = {
    .name = "gcshim",
    .function = on_collection,
    .flags = METHOD_VARARGS,
    .documentation = "Tells gcshim of collections.",
};

/* ob_type follows the reference count, which fills a word in every build with
 * a GIL. */
static bool is_cfunction(object *value)
{
    return ((object **)value)[1] == python.cfunction_type;
}

static bool is_callback(object *value)
{
    object *(*function)(object *, object *) = on_collection;
    return is_cfunction(value) &&
           python.PyCFunction_GetFunction(value) == *(void **)&function;
}

static bool is_among(object *callbacks)
{
    ptrdiff_t count = python.PyList_Size(callbacks);
    for (ptrdiff_t i = 0; i < count; i++) {
        object *value = python.PyList_GetItem(callbacks, i);
        if (value && is_callback(value))
            return true;
    }
    return false;
}

static void attach(object *gc)
{
    object *callbacks = python.PyObject_GetAttrString(gc, "callbacks");
    if (!callbacks)
        return;
    if (!is_among(callbacks)) {
        object *function =
            python.PyCFunction_NewEx(&callback_method, NULL, NULL);
        if (function) {
            python.PyList_Append(callbacks, function);
            python.Py_DecRef(function);
        }
    }
    python.Py_DecRef(callbacks);
}

/* ------------------------------------------------------------- safe points */

/* Whether the program has its collector on: gc.disable() and a first threshold
 * of 0 both say no. */
static bool is_wanted(object *gc)
{
    bool is_on = python.PyGC_IsEnabled() != 0;
    object *thresholds =
        python.PyObject_CallMethod(gc, "get_threshold", NULL);
    if (thresholds) {
        object *first = python.PyTuple_GetItem(thresholds, 0);
        is_on = is_on && first && python.PyLong_AsLong(first) != 0;
        python.Py_DecRef(thresholds);
    }
    return is_on;
}

/* False where the collector was busy: then no callback is called. */
static bool collect(void *gc, int generation)
{
    uint32_t before = collections_begun();
    object *result =
        python.PyObject_CallMethod(gc, "collect", "i", generation);
    if (result)
        python.Py_DecRef(result);
    return result && collections_begun() != before;
}

/* False where there is no memory for it. */
static bool at_safe_point(void (*act)(object *gc))
{
    object *type, *value, *traceback;
    bool has_acted = false;
    python.PyErr_Fetch(&type, &value, &traceback);
    /* Not PyImport_ImportModule(), which calls the program's __import__. */
    object *gc = python.PyImport_ImportModuleLevel("gc", NULL, NULL, NULL, 0);
    if (gc) {
        attach(gc);
        act(gc);
        python.Py_DecRef(gc);
        has_acted = true;
    }
    if (python.PyErr_Occurred())
        python.PyErr_Clear();
    python.PyErr_Restore(type, value, traceback);
    return has_acted;
}

static void only_attach(object *gc)
{
    (void)gc;
}

static void serve(object *gc)
{
    collector_serve(is_wanted(gc), collect, gc);
}

static int attach_call(void *arg)
{
    (void)arg;
    if (is_running())
        at_safe_point(only_attach);
    return 0;
}

static int serve_call(void *arg)
{
    (void)arg;
    atomic_store_explicit(&is_queued, 0, memory_order_release);
    if (!is_running() || !at_safe_point(serve))
        collector_pass();
    return 0;
}

/* ------------------------------------------------------------------ asking */

static thread_state *current(void)
{
    if (python.PyThreadState_GetUnchecked)
        return python.PyThreadState_GetUnchecked();
    return python._PyThreadState_UncheckedGet
               ? python._PyThreadState_UncheckedGet()
               : NULL;
}

/* The interpreter that the calling thread runs, NULL where it runs none.
 * Before 3.12 the question is answered for whichever thread has the GIL. */
static interpreter *current_interpreter(void)
{
    if (version() < VERSION_3_12 || !python.PyThreadState_GetInterpreter)
        return NULL;
    thread_state *state = current();
    return state ? python.PyThreadState_GetInterpreter(state) : NULL;
}

/* Py_AddPendingCall() is for the main thread alone, which may be waiting for
 * the very thread that fills the memory; since 3.12 an interpreter's own
 * queue is served by any of its threads. */
static bool queue(pending_call *call)
{
    interpreter *own = current_interpreter();
    if (own && python._PyEval_AddPendingCall)
        return python._PyEval_AddPendingCall(own, call, NULL, 0) == 0;
    return python.Py_AddPendingCall(call, NULL) == 0;
}

static void tick(void)
{
    /* Who embeds Python may end it and begin it anew. */
    if (!is_running())
        has_attached = false;
    else if (!has_attached)
        has_attached = queue(attach_call);
}

static bool ask(void)
{
    uint32_t none = 0;
    if (!is_running())
        return false;
    if (!atomic_compare_exchange_strong_explicit(&is_queued, &none, 1,
                                                 memory_order_acq_rel,
                                                 memory_order_relaxed))
        return true;
    if (queue(serve_call))
        return true;
    atomic_store_explicit(&is_queued, 0, memory_order_release);
    return false;
}

static void forked(void)
{
    atomic_store_explicit(&is_queued, 0, memory_order_relaxed);
}

const struct collector collector_cpython = {
    .name = "cpython",
    .is_paced = true,
    .find = find,
    .tick = tick,
    .ask = ask,
    .forked = forked,
};
