/* The functions of Python on a call stack.
 *
 * The interpreter keeps its calls in a list of its own; of the machine's stack
 * one frame of its evaluation loop stands for any number of them.  That list
 * is read here, as it lies in memory: no function of Python's is called that
 * does more than return a pointer, nothing is locked, counted or kept.
 *
 *     whose     a thread's calls are read by that thread alone, and only while
 *               it has the GIL: nobody else changes them then
 *     halfway   malloc is called while calls begin and end, while Python
 *               starts and while it ends: what is read is what the list says
 *               at that moment, each address tried before it is followed, each
 *               object of the type that it should be, and alive
 *     versions  where things lie is known for those listed here, and tried
 *               against what Python tells of its own types; with any other,
 *               and on machines other than x86-64, stacks have no such frames
 */
#ifndef SHIM_STACK_CPYTHON_H
#define SHIM_STACK_CPYTHON_H

#include "stack.h"

/* Looks for Python in this process.  May take the loader's lock: where
 * stack_load() may be called. */
void stack_cpython_find(void);

/* Puts the functions that the calling thread's interpreter is in, if there are
 * any, in the place of the frames that stand for them.  Where there is no room
 * for all, what else the interpreter consists of is left out between them.
 * Where stack_take() has its stack looked at. */
void stack_cpython_name(struct stack *stack);

#endif
