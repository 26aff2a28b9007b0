/* Symbols: which function of which source line a frame of a call stack is.
 *
 * Files are found as the process saw them: below /proc/PID/root while it
 * lives, where it may be in a container.  A file whose build id is not the one
 * that was recorded is another program by now, and nothing is read from it.
 * libdw reads symbols, lines and inlined calls, from separate debug files too;
 * calls in code made at run time are looked up in perf-PID.map, if the program
 * writes one.
 *
 * Functions return 0 or -errno, print nothing, and leave out-parameters
 * (ret_...) untouched on failure.  Every text that comes out is terminated,
 * valid UTF-8 and free of control characters.  What is read belongs to
 * whoever runs the process: debug information that was broken on purpose, or is
 * cut short while it is being read, can end this program, as it can a debugger.
 */
#ifndef GCSHIM_SYMBOLS_SYMBOLS_H
#define GCSHIM_SYMBOLS_SYMBOLS_H

#include "reader/profile.h"

enum {
    SYMBOLS_ADDRESS_BYTES = 80,
    SYMBOLS_NOTE_BYTES = 320,
};

/* What could be had of a module. */
enum symbols_state {
    SYMBOLS_UNTRIED,     /* no frame of it has been asked for yet */
    SYMBOLS_WITH_LINES,  /* names and source lines */
    SYMBOLS_NAMES,       /* names only: there is no debug information */
    SYMBOLS_NO_FILE,     /* the vdso, or code that is of no file */
    SYMBOLS_NOT_FOUND,   /* or not to be opened */
    SYMBOLS_OTHER_BUILD, /* upgraded or rebuilt since */
    SYMBOLS_NOT_ELF,     /* or broken */
};

/* A call as it stands in the source. */
struct symbols_call {
    const char *function; /* demangled; NULL: not known */
    const char *mangled;  /* as the linker has it; NULL: the same, or unknown */
    const char *file;     /* NULL: not known */
    uint32_t line;        /* 0: not known */
    bool is_inlined;      /* into the next one */
};

/* A frame.  As inlined calls are in it too, it is one or more calls, the
 * innermost first; all but the last one are inlined. */
struct symbols_frame {
    size_t number; /* 0, 1, 2, ... in the order of the first resolving */
    const struct symbols_call *calls;
    size_t call_count; /* at least 1 */
};

struct symbols;

/* process: whose profile it is; NULL where that is not known, and then files
 * are looked for by their paths alone.  Both must outlive the symbols.  Nothing
 * is read yet.
 *
 * with_servers: DEBUGINFOD_URLS is honoured: debug files that are not on this
 * machine are asked for over the network.  Else the variable is taken out of
 * this program's environment. */
int symbols_open(struct symbols **ret_symbols,
                 const struct reader_profile *profile,
                 const struct reader_process *process, bool with_servers);
void symbols_close(struct symbols *symbols);

/* -ENOMEM; a frame that nothing is known of has one call without a function.
 * The same frame gives the same pointer, good until symbols_close. */
int symbols_resolve(struct symbols *symbols, const struct reader_frame *frame,
                    const struct symbols_frame **ret_frame);

enum symbols_state symbols_state(const struct symbols *symbols, size_t module);

/* A sentence of why a module's functions or lines are not known; NULL where
 * they are, or nothing has been asked of it. */
const char *symbols_note(const struct symbols *symbols, size_t module);

/* For a frame without a function: "libfoo.so+0x1234", the call's address in
 * the file; "0x7f0123456789" where there is none.  Returns text. */
char *symbols_address(const struct symbols *symbols,
                      const struct reader_frame *frame,
                      char text[SYMBOLS_ADDRESS_BYTES]);

#endif
