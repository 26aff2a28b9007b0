#include "sampler.h"

struct sampler_math sampler_math;

enum { FRACTION_BITS = 53 };

/* As far off as no program gets, and no sum overflows. */
static const double LEFT_MAX = 0x1p62;

/* splitmix64 (Steele, Lea and Flood 2014): any seed will do. */
static uint64_t random_next(uint64_t *random)
{
    uint64_t z = *random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Above 0 and at most 1. */
static double random_fraction(uint64_t *random)
{
    uint64_t bits = random_next(random) >> (64 - FRACTION_BITS);
    return (double)(bits + 1) * 0x1p-53;
}

static int64_t draw(struct sampler *sampler)
{
    double left = -sampler_math.log(random_fraction(&sampler->random)) *
                  (double)sampler->mean_bytes;
    return (int64_t)(left < LEFT_MAX ? left : LEFT_MAX);
}

void sampler_set(struct sampler *sampler, uint64_t mean_bytes, uint64_t seed)
{
    sampler->mean_bytes = mean_bytes;
    sampler->random ^= seed;
    sampler->left = mean_bytes ? draw(sampler) : 0;
}

/* What lies ahead does not depend on what was missed. */
void sampler_pass(struct sampler *sampler, uint64_t bytes)
{
    if (!sampler->mean_bytes)
        return;
    if ((uint64_t)sampler->left < bytes)
        sampler->left = draw(sampler);
    else
        sampler->left -= (int64_t)bytes;
}

/* The distance to the next hit does not depend on how far the last one lay
 * inside of the block: it is drawn from the block's end. */
bool sampler_pass_block(struct sampler *sampler, uint64_t allocated_bytes,
                        uint64_t freed_bytes)
{
    if (!sampler->mean_bytes)
        return false;
    uint64_t left = (uint64_t)sampler->left;
    if (left < allocated_bytes + freed_bytes)
        sampler->left = draw(sampler);
    else
        sampler->left -= (int64_t)(allocated_bytes + freed_bytes);
    return left < allocated_bytes;
}

double sampler_probability(uint64_t bytes, uint64_t mean_bytes)
{
    return mean_bytes
               ? -sampler_math.expm1(-(double)bytes / (double)mean_bytes)
               : 1;
}
