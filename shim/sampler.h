/* Which blocks are samples: arithmetic alone, one thread's.
 *
 * The bytes that a thread allocates and frees run by as one stream, and hits
 * lie in it as chance has it, one in mean_bytes on the average, each without
 * regard to the others (a Poisson process: the distance to the next is
 * exponential).  A hit on freed bytes is thrown away; what is left are hits on
 * allocated ones, at the same rate.  So freeing need not be told from
 * allocating until a hit is near, and one countdown serves for both.
 */
#ifndef SHIM_SAMPLER_H
#define SHIM_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

struct sampler {
    uint64_t mean_bytes; /* 0: off */
    uint64_t random;
    int64_t left; /* bytes to the next hit, 0 or more; see below */
};

/* What is not in libc alone; from libm. */
struct sampler_math {
    double (*log)(double);
    double (*expm1)(double);
};
extern struct sampler_math sampler_math;

/* mean_bytes: 0 for off.  seed: any. */
void sampler_set(struct sampler *sampler, uint64_t mean_bytes, uint64_t seed);

/* Bytes that can go by without a hit. */
static inline int64_t sampler_left(const struct sampler *sampler)
{
    return sampler->mean_bytes ? sampler->left : INT64_MAX;
}

/* Bytes went by, of which none was hit, or nobody knows. */
void sampler_pass(struct sampler *sampler, uint64_t bytes);

/* A block, or one block for another, goes by.  True if what is allocated is a
 * sample. */
bool sampler_pass_block(struct sampler *sampler, uint64_t allocated_bytes,
                        uint64_t freed_bytes);

/* That a block of so many bytes is a sample: 1 - exp(-bytes / mean_bytes).
 * mean_bytes 0 stands for a certain sample. */
double sampler_probability(uint64_t bytes, uint64_t mean_bytes);

#endif
