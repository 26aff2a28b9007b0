/* A recording: see recording.h. */
#include "recording/recording.h"

#include <errno.h>
#include <stdlib.h>

#include "reader/array.h"

int recording_entry_make(struct recording_entry *ret_entry,
                         enum recording_kind kind, uint64_t time_ns,
                         size_t classes)
{
    static const size_t sizes[RECORDING_KINDS] = {
        [RECORDING_PROCESS] = sizeof(struct recording_process),
        [RECORDING_SAMPLE] = sizeof(struct recording_sample),
        [RECORDING_CLASSES] = sizeof(struct recording_classes),
        [RECORDING_GC] = sizeof(struct recording_gc),
        [RECORDING_GAP] = sizeof(struct recording_gap),
        [RECORDING_END] = sizeof(struct recording_end),
    };
    void *any = calloc(1, sizes[kind] + classes * sizeof(struct reader_class));

    if (!any)
        return -ENOMEM;
    *ret_entry =
        (struct recording_entry){.kind = kind, .time_ns = time_ns, .any = any};
    return 0;
}

void recording_entry_fini(struct recording_entry *entry)
{
    if (entry->kind == RECORDING_SAMPLE && entry->sample)
        free(entry->sample->evidence);
    free(entry->any);
    entry->any = NULL;
}

void recording_fini(struct recording *recording)
{
    for (size_t i = 0; i < recording->count; i++)
        recording_entry_fini(&recording->entries[i]);
    free(recording->entries);
    recording->entries = NULL;
    recording->count = 0;
}

int recording_add(struct recording *recording, struct recording_entry entry)
{
    int err = array_grow((void **)&recording->entries, recording->count,
                         sizeof(entry));

    if (err)
        recording_entry_fini(&entry);
    else
        recording->entries[recording->count++] = entry;
    return err;
}

const struct recording_entry *recording_first(const struct recording *recording,
                                              enum recording_kind kind)
{
    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].kind == kind)
            return &recording->entries[i];
    }
    return NULL;
}

const struct recording_entry *recording_last(const struct recording *recording,
                                             enum recording_kind kind)
{
    for (size_t i = recording->count; i > 0; i--) {
        if (recording->entries[i - 1].kind == kind)
            return &recording->entries[i - 1];
    }
    return NULL;
}

size_t recording_count(const struct recording *recording,
                       enum recording_kind kind)
{
    size_t count = 0;

    for (size_t i = 0; i < recording->count; i++)
        count += recording->entries[i].kind == kind;
    return count;
}

uint64_t recording_length_ns(const struct recording *recording)
{
    uint64_t last = 0;

    for (size_t i = 0; i < recording->count; i++) {
        if (recording->entries[i].time_ns > last)
            last = recording->entries[i].time_ns;
    }
    return last;
}
