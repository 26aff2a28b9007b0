/* The one way to say why a file is not to be trusted. */
#ifndef GCSHIM_READER_REFUSE_H
#define GCSHIM_READER_REFUSE_H

#include "reader/reader.h"

/* Writes the sentence into reason and returns -EPROTO. */
__attribute__((format(printf, 2, 3))) int
refuse(char reason[READER_REASON_BYTES], const char *format, ...);

#endif
