/* Names of functions and files, made fit to show. */
#ifndef GCSHIM_SYMBOLS_NAME_H
#define GCSHIM_SYMBOLS_NAME_H

enum { NAME_BYTES_MAX = 4096 };

/* A clean copy, cut at NAME_BYTES_MAX; NULL when memory is short.  The caller
 * frees. */
char *name_copy(const char *name);

/* What a C++ or Rust symbol says to people, clean and cut likewise; NULL where
 * it is not mangled, or when memory is short.  The caller frees. */
char *name_demangle(const char *symbol);

#endif
