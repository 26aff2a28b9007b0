/* What every unit test of the tools needs before cmocka.h. */
#ifndef TOOLS_UNIT_H
#define TOOLS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define RUN(tests) cmocka_run_group_tests(tests, NULL, NULL)

#endif
