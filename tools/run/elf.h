/* What an ELF file says of itself, as far as a preloaded allocator minds.
 *
 * The file is anybody's: libelf reads it, never by mmap, and every string and
 * table goes through its checks. */
#ifndef GCSHIM_RUN_ELF_H
#define GCSHIM_RUN_ELF_H

#include <stdbool.h>

enum { ELF_NAME_BYTES = 64 };

/* What language runtime it is, by its sections, libraries and symbols. */
enum elf_runtime {
    ELF_RUNTIME_NONE,
    ELF_RUNTIME_GO,
    ELF_RUNTIME_JAVA,
    ELF_RUNTIME_V8,
};

struct elf_facts {
    bool is_elf;      /* else nothing else is set */
    bool is_own_kind; /* class and machine are those of this program */
    bool is_loader;   /* it is itself a dynamic loader */
    bool has_loader;  /* PT_INTERP: it is not static */
    bool is_musl;     /* by its loader's name */
    enum elf_runtime runtime;
    char allocator[ELF_NAME_BYTES]; /* a library of one it needs; or "" */
    char defines[ELF_NAME_BYTES];   /* malloc or kin, as it exports; or "" */
};

/* 0, or -EIO where libelf cannot work at all.  A broken file has few facts. */
int elf_inspect(int fd, struct elf_facts *ret_facts);

#endif
