#include "stack_cpython.h"

#include "compiler.h"
#include "names.h"
#include "settings.h"
#include "sys.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

/* glibc 2.35; there are no stacks without it. */
#pragma weak _dl_find_object

enum {
    VERSION_SHIFT = 16, /* of Py_Version: major and minor above it */
    PAGE_SHIFT = 12,
    PAGES = 128,
    LINES_MAX_BYTES = 1 << 20,
    STRING_MAX = 1 << 20,
    NAME_MAX_BYTES = 120, /* of the function, its NUL included */
    REFERENCES_MAX_SHIFT = 40,
};

/* Where things lie, of which kinds CPython has a struct for each. */
struct layout {
    unsigned version;
    struct {
        uint16_t cframe, id;
    } thread;
    struct {
        uint16_t frame, previous;
    } cframe; /* one lies in each frame of the evaluation loop */
    struct {
        uint16_t code, previous, instruction, is_entry;
    } frame;
    struct {
        uint16_t first_line, file, name, lines, instructions;
    } code;
    struct {
        uint16_t length, kind, ascii, other;
    } string;
    uint16_t bytes; /* their first one */
    /* What the types say of themselves. */
    struct {
        uint16_t code, frame, string, bytes;
    } size;
};

static const struct layout layouts[] = {
    {
        .version = 0x030b,
        .thread = {.cframe = 56, .id = 152},
        .cframe = {.frame = 8, .previous = 16},
        .frame = {.code = 32, .previous = 48, .instruction = 56,
                  .is_entry = 68},
        .code = {.first_line = 72, .file = 112, .name = 128, .lines = 136,
                 .instructions = 184},
        .string = {.length = 16, .kind = 32, .ascii = 48, .other = 72},
        .bytes = 32,
        .size = {.code = 184, .frame = 120, .string = 80, .bytes = 33},
    },
};

/* The same in all versions. */
enum {
    OBJECT_REFERENCES = 0,
    OBJECT_TYPE = 8,
    SIZED_SIZE = 16,
    TYPE_BASIC_SIZE = 32,
    INSTRUCTION_BYTES = 2,
};

/* Of CPython, as it exports it. */
#define SYMBOLS(X)                                                           \
    X(Py_Version)                                                            \
    X(PyGILState_GetThisThreadState)                                         \
    X(_PyThreadState_UncheckedGet)                                           \
    X(_PyEval_EvalFrameDefault)                                              \
    X(PyCode_Type)                                                           \
    X(PyFrame_Type)                                                          \
    X(PyUnicode_Type)                                                        \
    X(PyBytes_Type)

static struct {
#define ADDRESS(name) uint64_t name;
    SYMBOLS(ADDRESS)
#undef ADDRESS
    void *(*thread_of_this)(void); /* it is ours, whoever has the GIL */
    void *(*thread_with_gil)(void);
    const struct layout *layout;
    uint64_t start, end; /* of the file that the interpreter is in */
} python;

/* What has come of it so far. */
enum state { ABSENT, UNTRIED, TRUSTED, DISTRUSTED };
static _Atomic enum state state;

/* How far above a cframe the evaluation loop's frame ends, the same for all:
 * 0: not known yet. */
static _Atomic uint64_t cframe_depth;

/* One frame of the evaluation loop. */
struct run {
    uint32_t end;  /* of its functions */
    uint64_t cframe;
    uint32_t at;   /* its index on the stack; beyond the last: not there */
};

struct walk {
    uint64_t pages[PAGES]; /* that can be read, each at its number's rest */
    struct gcshim_frame functions[GCSHIM_STACK_DEPTH_MAX];
    uint64_t code; /* of the last one that has a name */
    struct run runs[GCSHIM_STACK_DEPTH_MAX];
    uint32_t function_count, run_count;
    bool is_cut;
};

/* ----------------------------------------------------------- reading memory */

static bool can_read(struct walk *walk, uint64_t address, uint64_t bytes)
{
    uint64_t last = (address + bytes - 1) >> PAGE_SHIFT;
    if (address + bytes < address)
        return false;
    for (uint64_t page = address >> PAGE_SHIFT; page <= last; page++) {
        uint64_t *known = &walk->pages[page % PAGES];
        if (*known == page)
            continue;
        if (!sys_can_read(page << PAGE_SHIFT))
            return false;
        *known = page;
    }
    return true;
}

/* 0 where it cannot be read. */
static uint64_t word(struct walk *walk, uint64_t address)
{
    uint64_t value = 0;
    if (can_read(walk, address, sizeof(value)))
        memcpy(&value, (const void *)address, sizeof(value));
    return value;
}

static uint32_t half(struct walk *walk, uint64_t address)
{
    uint32_t value = 0;
    if (can_read(walk, address, sizeof(value)))
        memcpy(&value, (const void *)address, sizeof(value));
    return value;
}

static uint8_t byte(struct walk *walk, uint64_t address)
{
    return can_read(walk, address, 1) ? *(const uint8_t *)address : 0;
}

static bool is_of_type(struct walk *walk, uint64_t object, uint64_t type)
{
    return object && word(walk, object + OBJECT_TYPE) == type;
}

/* What has been freed has a pointer or nothing there. */
static bool is_alive(struct walk *walk, uint64_t object)
{
    uint64_t references = word(walk, object + OBJECT_REFERENCES);
    return references > 0 && references >> REFERENCES_MAX_SHIFT == 0;
}

static bool is_good(struct walk *walk, uint64_t object, uint64_t type)
{
    return is_of_type(walk, object, type) && is_alive(walk, object);
}

/* The rest of it is large, and is filled as it is needed. */
static void walk_begin(struct walk *walk)
{
    memset(walk->pages, 0xff, sizeof(walk->pages)); /* no page's number */
    walk->code = 0;
    walk->function_count = walk->run_count = 0;
    walk->is_cut = false;
}

/* ------------------------------------------------------------------- names */

struct string {
    const void *start;
    uint64_t length; /* in characters */
    unsigned kind;   /* bytes of each */
    bool is_plain;   /* ASCII, no NUL */
};

/* Of the state word: kind in bits 2 to 4, then compact, then ascii. */
static bool string_find(struct walk *walk, uint64_t object,
                        struct string *ret_string)
{
    const struct layout *layout = python.layout;
    if (!is_good(walk, object, python.PyUnicode_Type))
        return false;
    uint32_t how = half(walk, object + layout->string.kind);
    unsigned kind = how >> 2 & 7;
    bool is_compact = how & 1U << 5, is_ascii = how & 1U << 6;
    if (!is_compact || (kind != 1 && kind != 2 && kind != 4))
        return false;
    uint64_t start = object +
                     (is_ascii ? layout->string.ascii : layout->string.other);
    *ret_string = (struct string){
        .start = (const void *)start,
        .length = word(walk, object + layout->string.length),
        .kind = kind,
    };
    if (ret_string->length > STRING_MAX ||
        !can_read(walk, start, ret_string->length * kind + 1))
        return false;
    ret_string->is_plain =
        is_ascii && !memchr(ret_string->start, 0, ret_string->length);
    return true;
}

/* What cannot be told in UTF-8 is a question mark. */
static uint32_t character(const struct string *string, uint64_t i)
{
    uint32_t c = string->kind == 1   ? ((const uint8_t *)string->start)[i]
                 : string->kind == 2 ? ((const uint16_t *)string->start)[i]
                                     : ((const uint32_t *)string->start)[i];
    bool is_odd = c == 0 || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff;
    return is_odd ? '?' : c;
}

static size_t utf8_bytes(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

static char *utf8_put(char *to, uint32_t c)
{
    static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
    size_t bytes = utf8_bytes(c);
    if (bytes == 1) {
        *to = (char)c;
        return to + 1;
    }
    for (size_t i = bytes - 1; i > 0; i--, c >>= 6)
        to[i] = (char)(0x80 | (c & 0x3f));
    *to = (char)(lead[bytes] | c);
    return to + bytes;
}

static char *put_plain(char *to, const struct string *string)
{
    memcpy(to, string->start, string->length);
    return to + string->length + 1;
}

/* As much from its start as there is room for, a NUL behind it. */
static char *put_start(char *to, const char *end, const struct string *string)
{
    if (string->is_plain && string->length < (size_t)(end - to))
        return put_plain(to, string);
    for (uint64_t i = 0; i < string->length; i++) {
        uint32_t c = character(string, i);
        if (utf8_bytes(c) >= (size_t)(end - to))
            break;
        to = utf8_put(to, c);
    }
    return to + 1;
}

/* As much of its end, with dots before it if that is not all. */
static char *put_end(char *to, const char *end, const struct string *string)
{
    static const char DOTS[] = "...";
    if (string->is_plain && string->length < (size_t)(end - to))
        return put_plain(to, string);
    uint64_t first = string->length;
    size_t bytes = 1;
    while (first > 0) {
        size_t more = utf8_bytes(character(string, first - 1));
        size_t dots = first > 1 ? sizeof(DOTS) - 1 : 0;
        if (bytes + more + dots > (size_t)(end - to))
            break;
        bytes += more;
        first--;
    }
    if (first > 0) {
        memcpy(to, DOTS, sizeof(DOTS) - 1);
        to += sizeof(DOTS) - 1;
    }
    for (; first < string->length; first++)
        to = utf8_put(to, character(string, first));
    return to + 1;
}

static uint32_t name_of(struct walk *walk, uint64_t code)
{
    char text[NAME_TEXT_BYTES] = {0};
    struct string name, file;
    if (!string_find(walk, word(walk, code + python.layout->code.name),
                     &name) ||
        !string_find(walk, word(walk, code + python.layout->code.file),
                     &file))
        return names_unknown();
    char *end = put_end(put_start(text, text + NAME_MAX_BYTES, &name),
                        text + sizeof(text), &file);
    return names_enter(text, (size_t)(end - text));
}

/* ------------------------------------------------------------------- lines */

/* CPython's table of locations (its Objects/locations.md): entries that begin
 * with a byte of 128 or more, all others are less.  That byte has a code and
 * how many instructions the entry is for; what follows depends on the code. */
enum {
    ENTRY_BEGIN = 0x80,
    ENTRY_CODE_SHIFT = 3,
    ENTRY_LENGTH_MASK = 7,
    CODE_ONE_LINE_0 = 10,
    CODE_NO_COLUMNS = 13,
    CODE_LONG = 14,
    CODE_NONE = 15,
};

/* Six bits in each byte, the low ones first, 64: more follow.  Then the sign
 * is the lowest bit. */
static int64_t number_read(const uint8_t *at, const uint8_t *end)
{
    uint64_t number = 0;
    for (unsigned shift = 0; at < end && shift < 36; shift += 6) {
        number |= (uint64_t)(*at & 0x3f) << shift;
        if (!(*at++ & 0x40))
            break;
    }
    return number & 1 ? -(int64_t)(number >> 1) : (int64_t)(number >> 1);
}

static int64_t line_change(unsigned code, const uint8_t *at,
                           const uint8_t *end)
{
    if (code == CODE_LONG || code == CODE_NO_COLUMNS)
        return number_read(at, end);
    return code >= CODE_ONE_LINE_0 && code < CODE_NO_COLUMNS
               ? (int64_t)code - CODE_ONE_LINE_0
               : 0;
}

static uint32_t line_in(const uint8_t *at, const uint8_t *end, int64_t line,
                        uint64_t instruction)
{
    uint64_t passed = 0;
    while (at < end) {
        unsigned code = *at >> ENTRY_CODE_SHIFT & 0xf;
        passed += (*at++ & ENTRY_LENGTH_MASK) + 1U;
        line += line_change(code, at, end);
        if (instruction < passed)
            return code == CODE_NONE || line < 0 || line > UINT32_MAX
                       ? 0
                       : (uint32_t)line;
        while (at < end && !(*at & ENTRY_BEGIN))
            at++;
    }
    return 0;
}

/* Of a call that has not begun: that of its definition. */
static uint32_t line_of(struct walk *walk, uint64_t code, uint64_t instruction)
{
    const struct layout *layout = python.layout;
    uint32_t first = half(walk, code + layout->code.first_line);
    uint64_t begin = code + layout->code.instructions;
    uint64_t table = word(walk, code + layout->code.lines);
    if (instruction < begin)
        return first;
    if (!is_good(walk, table, python.PyBytes_Type))
        return 0;
    uint64_t bytes = word(walk, table + SIZED_SIZE);
    const uint8_t *start = (const uint8_t *)(table + layout->bytes);
    if (bytes > LINES_MAX_BYTES ||
        !can_read(walk, (uint64_t)start, bytes + 1))
        return 0;
    return line_in(start, start + bytes, first,
                   (instruction - begin) / INSTRUCTION_BYTES);
}

/* ------------------------------------------------------ the calls of Python */

/* Of the calling thread, where it has the GIL; else 0. */
static uint64_t thread_find(struct walk *walk)
{
    uint64_t found = (uint64_t)python.thread_with_gil();
    if (!found || found != (uint64_t)python.thread_of_this())
        return 0;
    return word(walk, found + python.layout->thread.id) ==
                   (uint64_t)pthread_self()
               ? found
               : 0;
}

/* A code that has just lost its last reference has no name any more. */
static bool function_add(struct walk *walk, uint64_t frame)
{
    uint64_t code = word(walk, frame + python.layout->frame.code);
    uint64_t instruction =
        word(walk, frame + python.layout->frame.instruction);
    struct gcshim_frame *to = &walk->functions[walk->function_count];
    if (!is_of_type(walk, code, python.PyCode_Type))
        return false;
    *to = (struct gcshim_frame){
        .address = names_unknown(),
        .module = GCSHIM_MODULE_NAMED,
    };
    if (is_alive(walk, code)) {
        to->address = code == walk->code ? to[-1].address
                                         : name_of(walk, code);
        to->line = line_of(walk, code, instruction);
    }
    walk->code = code;
    walk->function_count++;
    return true;
}

static void run_add(struct walk *walk, uint64_t cframe)
{
    walk->runs[walk->run_count++] = (struct run){
        .end = walk->function_count,
        .cframe = cframe,
    };
}

/* False where nothing is to be had. */
static bool calls_read(struct walk *walk, uint64_t cframe, uint32_t max)
{
    const struct layout *layout = python.layout;
    uint64_t frame = word(walk, cframe + layout->cframe.frame);
    bool is_whole = true;
    while (frame && walk->function_count < max && function_add(walk, frame)) {
        is_whole = byte(walk, frame + layout->frame.is_entry);
        frame = word(walk, frame + layout->frame.previous);
        if (!is_whole)
            continue;
        run_add(walk, cframe);
        cframe = word(walk, cframe + layout->cframe.previous);
        if (frame != word(walk, cframe + layout->cframe.frame))
            break;
    }
    walk->is_cut = frame != 0;
    if (!is_whole)
        run_add(walk, cframe);
    return walk->function_count > 0;
}

/* ------------------------------------------------ their place on the stack */

static bool depth_is_known(uint64_t cframe)
{
    uint64_t end;
    if (atomic_load_explicit(&cframe_depth, memory_order_relaxed))
        return true;
    if (!stack_frame_end(cframe, &end))
        return false;
    atomic_store_explicit(&cframe_depth, end - cframe, memory_order_relaxed);
    return true;
}

/* The evaluation loop returns to what lies at the end of its frame: the frame
 * on the stack that has this address is its caller's.  False if none is there,
 * of a stack that is whole. */
static bool runs_place(struct walk *walk, const struct stack *stack)
{
    uint32_t caller = 1;
    if (!depth_is_known(walk->runs[0].cframe))
        return false;
    uint64_t depth = atomic_load_explicit(&cframe_depth, memory_order_relaxed);
    for (uint32_t i = 0; i < walk->run_count; i++) {
        struct run *run = &walk->runs[i];
        uint64_t address =
            word(walk, run->cframe + depth - sizeof(uint64_t));
        while (caller < stack->depth &&
               stack->frames[caller].address != address)
            caller++;
        run->at = caller < stack->depth ? caller++ - 1 : stack->depth;
    }
    return walk->runs[0].at < stack->depth || stack->is_cut;
}

static bool is_interpreters(const struct gcshim_frame *frame)
{
    return frame->address >= python.start && frame->address < python.end;
}

/* False where it does not fit. */
static bool put(struct stack *to, const struct gcshim_frame *frames,
                uint32_t from, uint32_t end, bool is_terse)
{
    for (uint32_t i = from; i < end; i++) {
        if (is_terse && is_interpreters(&frames[i]))
            continue;
        if (to->depth == settings.stack_depth)
            return false;
        to->frames[to->depth++] = frames[i];
    }
    return true;
}

/* The frame of the loop is left out for its functions. */
static bool merge(const struct walk *walk, const struct stack *stack,
                  bool is_terse, struct stack *to)
{
    uint32_t from = 0, function = 0;
    to->depth = 0;
    for (uint32_t i = 0; i < walk->run_count; i++) {
        const struct run *run = &walk->runs[i];
        if (!put(to, stack->frames, from, run->at, is_terse && i > 0) ||
            !put(to, walk->functions, function, run->end, false))
            return false;
        from = run->at + 1;
        function = run->end;
    }
    return put(to, stack->frames, from, stack->depth, is_terse);
}

static void merge_into(const struct walk *walk, struct stack *stack)
{
    struct stack merged;
    bool fits = merge(walk, stack, false, &merged) ||
                merge(walk, stack, true, &merged);
    merged.is_cut = stack->is_cut || walk->is_cut || !fits;
    *stack = merged;
}

/* The first time decides. */
static bool trust(bool is_good)
{
    if (atomic_load_explicit(&state, memory_order_relaxed) == UNTRIED)
        atomic_store_explicit(&state, is_good ? TRUSTED : DISTRUSTED,
                              memory_order_relaxed);
    return is_good;
}

void stack_cpython_name(struct stack *stack)
{
    enum state known = atomic_load_explicit(&state, memory_order_acquire);
    if (known == ABSENT || known == DISTRUSTED)
        return;
    struct walk walk;
    walk_begin(&walk);
    uint64_t own = thread_find(&walk);
    uint64_t cframe = own ? word(&walk, own + python.layout->thread.cframe)
                          : 0;
    if (!cframe || !word(&walk, cframe + python.layout->cframe.frame))
        return;
    if (trust(calls_read(&walk, cframe, settings.stack_depth)) &&
        runs_place(&walk, stack))
        merge_into(&walk, stack);
}

/* ----------------------------------------------------------------- finding */

static bool find_all(void)
{
#define FIND(name)                                                           \
    python.name = (uint64_t)dlsym(RTLD_DEFAULT, #name);                      \
    if (!python.name)                                                        \
        return false;
    SYMBOLS(FIND)
#undef FIND
    memcpy(&python.thread_of_this, &python.PyGILState_GetThisThreadState,
           sizeof(python.thread_of_this));
    memcpy(&python.thread_with_gil, &python._PyThreadState_UncheckedGet,
           sizeof(python.thread_with_gil));
    return true;
}

static const struct layout *layout_find(void)
{
    unsigned long version = *(const unsigned long *)python.Py_Version;
    for (size_t i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++)
        if (layouts[i].version == version >> VERSION_SHIFT)
            return &layouts[i];
    return NULL;
}

static bool has_size(uint64_t type, uint64_t bytes)
{
    return *(const uint64_t *)(type + TYPE_BASIC_SIZE) == bytes;
}

static bool is_as_known(const struct layout *layout)
{
    return layout && has_size(python.PyCode_Type, layout->size.code) &&
           has_size(python.PyFrame_Type, layout->size.frame) &&
           has_size(python.PyUnicode_Type, layout->size.string) &&
           has_size(python.PyBytes_Type, layout->size.bytes);
}

static bool file_find(void)
{
    struct dl_find_object object;
    if (!_dl_find_object ||
        _dl_find_object((void *)python._PyEval_EvalFrameDefault, &object) != 0)
        return false;
    python.start = (uint64_t)object.dlfo_map_start;
    python.end = (uint64_t)object.dlfo_map_end;
    return true;
}

void stack_cpython_find(void)
{
#ifdef __x86_64__
    if (atomic_load_explicit(&state, memory_order_relaxed) != ABSENT)
        return;
    if (!find_all()) {
        dlerror();
        dlerror();
        return;
    }
    python.layout = layout_find();
    if (!is_as_known(python.layout) || !file_find())
        return;
    /* Whoever calls them first may have to look symbols up. */
    python.thread_of_this();
    python.thread_with_gil();
    atomic_store_explicit(&state, UNTRIED, memory_order_release);
#endif
}
