/* A library with functions of its own whose names mimalloc has too. */
#include <stdio.h>
#include <stddef.h>

void vfree(void *vector);
size_t malloc_size(const void *thing);
void namesake_use(void);

void vfree(void *vector)
{
    printf("freed the vector %s\n", (const char *)vector);
}

size_t malloc_size(const void *thing)
{
    (void)thing;
    return 4711;
}

void namesake_use(void)
{
    vfree("v");
    printf("size %zu\n", malloc_size("s"));
}
