/* Figures for people: sizes in IEC units, counts in groups of three, ages. */
#ifndef GCSHIM_COMMON_SIZE_H
#define GCSHIM_COMMON_SIZE_H

#include <stdint.h>

enum {
    SIZE_COLUMNS = 9, /* the widest: "999.9 MiB" */
    SIZE_BYTES = 24,  /* room for a size, with a sign too */
    COUNT_BYTES = 32, /* room for "18,446,744,073,709,551,615" */
    AGE_BYTES = 32,
};

/* "12 B", "196.3 MiB", "1020 MiB"; "-" for READER_UNKNOWN.  At most
 * SIZE_COLUMNS columns.  Returns text. */
char *size_format(char text[SIZE_BYTES], uint64_t bytes);

/* The same with a sign: "+1.2 MiB", "-12 B", "0 B"; "-" for INT64_MIN. */
char *size_format_change(char text[SIZE_BYTES], int64_t bytes);

/* The share that part has in whole, in thousandths; 1000 at most. */
unsigned size_permille(uint64_t part, uint64_t whole);

/* "1,234,567"; "-" for READER_UNKNOWN.  Returns text. */
char *count_format(char text[COUNT_BYTES], uint64_t count);

/* "0.2 s", "5 min 12 s", "3 h 4 min", "12 d 7 h"; "-" for READER_UNKNOWN.
 * Returns text. */
char *age_format(char text[AGE_BYTES], uint64_t age_ms);

/* How long something took: "0.05 ms", "2.3 ms", "470 ms", "1.5 s", and on as
 * ages; "-" for READER_UNKNOWN.  Returns text. */
char *pause_format(char text[AGE_BYTES], uint64_t pause_ns);

/* How a figure has changed, for size_format_change, whatever the two are;
 * INT64_MIN where one is READER_UNKNOWN. */
int64_t size_change(uint64_t now, uint64_t then);

#endif
