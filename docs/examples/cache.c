/* A server that answers from a cache, and whose cache never forgets: what
 * docs/profile.md looks for.
 *
 *     cc -g -O1 cache.c -o cache && gcshim-run --sample=64KiB ./cache
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct answer {
    struct answer *next;
    char text[1000];
};

static struct answer *cache;

static struct answer *answer_make(int question)
{
    struct answer *answer = malloc(sizeof(*answer));

    if (!answer)
        exit(EXIT_FAILURE);
    memset(answer->text, 'x', sizeof(answer->text));
    (void)snprintf(answer->text, sizeof(answer->text), "answer %d", question);
    return answer;
}

static void answer_keep(int question)
{
    struct answer *answer = answer_make(question);

    answer->next = cache;
    cache = answer;
}

static void answer_send(int question)
{
    struct answer *answer = answer_make(question);

    free(answer);
}

/* Serves so many questions for each line that comes. */
int main(void)
{
    int questions = 0;
    char line[64];

    while (fgets(line, sizeof(line), stdin)) {
        for (int end = questions + atoi(line); questions < end; questions++) {
            answer_send(questions);
            if (questions % 4 == 0)
                answer_keep(questions);
        }
        (void)printf("served %d\n", questions);
        (void)fflush(stdout);
    }
    return EXIT_SUCCESS;
}
