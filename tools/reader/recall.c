/* What is kept from one reading to the next: see recall.h. */
#include "reader/recall.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int recall_start(struct recall *recall)
{
    recall->slots = calloc(GCSHIM_SLOTS, sizeof(*recall->slots));
    recall->counts = calloc(GCSHIM_CENSUSES, sizeof(*recall->counts));
    if (recall->slots && recall->counts)
        return 0;
    recall_fini(recall);
    return -ENOMEM;
}

void recall_clear(struct recall *recall)
{
    if (recall->slots)
        memset(recall->slots, 0, recall->slots_high * sizeof(*recall->slots));
    recall->slots_high = 0;
    recall->classes.count = 0;
}

void recall_fini(struct recall *recall)
{
    for (size_t i = 0; i < RECALL_ROOMS; i++)
        free(recall->rooms[i].at);
    free(recall->slots);
    free(recall->counts);
    *recall = (struct recall){0};
}

void *recall_take(struct recall *recall, enum recall_room room, size_t count,
                  size_t element_bytes)
{
    size_t bytes = count * element_bytes;

    if (recall->rooms[room].at && bytes <= recall->rooms[room].bytes)
        return recall->rooms[room].at;
    free(recall->rooms[room].at);
    bytes = (bytes / GCSHIM_SLOT_BYTES + 1) * GCSHIM_SLOT_BYTES;
    recall->rooms[room].at = aligned_alloc(GCSHIM_SLOT_BYTES, bytes);
    recall->rooms[room].bytes = bytes;
    return recall->rooms[room].at;
}
