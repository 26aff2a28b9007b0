/* Turns a file into a C array, at build time: embed NAME <FILE >FILE.c */
#include <stdio.h>

int main(int argc, char **argv)
{
    int byte = 0;

    if (argc != 2)
        return 2;
    (void)printf("extern const char %s[];\nconst char %s[] = {", argv[1],
                 argv[1]);
    while ((byte = getchar()) != EOF)
        (void)printf("%d,", (signed char)byte);
    (void)puts("0};");
    return ferror(stdin) || fflush(stdout) == EOF;
}
