/* The program's own C++ runtime, for what C cannot do: throw and catch. */
#ifndef SHIM_CXX_RUNTIME_H
#define SHIM_CXX_RUNTIME_H

typedef void any_function(void);

/* A function of the C++ runtime that is loaded now, in whatever scope; NULL
 * where there is none.  Takes the loader's lock: only for when memory is short
 * or the program has operators of its own. */
any_function *cxx_runtime_function(const char *name);

#endif
