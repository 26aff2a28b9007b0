/* Estimates from samples, and how far they may be off: see profile.h.
 *
 * A block that was sampled with probability p counts 1 / p times (Horvitz and
 * Thompson 1952).  Its variance is estimated by (1 - p) / p^2 times the square
 * of what is summed, and sums of independent draws have the sum of variances.
 *
 * The range.  A value with its variance is as good as the count of
 *
 *     n = value^2 / variance
 *
 * events of equal weight, and a count has an exact range (Garwood 1936):
 * between the quantiles 0.025 of the gamma distribution of shape n and 0.975
 * of that of shape n + 1.  Scaled by value / n this is the range of a sum of
 * weighted counts that Dobson et al. (1991) and Fay and Feuer (1997) give,
 * with the mean weight in the place of the greatest; weights are alike here,
 * as a small block stands for about `mean` bytes whatever its size.  Blocks
 * that are sampled almost for certain raise n beyond all bounds, and the range
 * closes.
 *
 * The range of a difference is put together from those of its two ends (Zou
 * and Donner 2008), which keeps it askew where they are. */
#include <math.h>

#include "reader/profile.h"

/* The normal quantile of 0.975. */
#define Z975 1.959963984540054

enum {
    BISECTIONS = 64,
    TERMS_MAX = 4096,
    /* From here on Wilson and Hilferty's cube root is good to 1 in 10,000. */
    SHAPE_LARGE = 64,
};

/* ---------------------------------------------------------- one sample */

/* 1 - exp(-bytes / mean), precise for small blocks too. */
static double probability(uint64_t bytes, uint64_t mean)
{
    return mean == 0 ? 1 : -expm1(-(double)bytes / (double)mean);
}

static struct reader_estimate weighted(double amount, double p)
{
    return (struct reader_estimate){
        .value = amount / p,
        .variance = (1 - p) * (amount / p) * (amount / p),
    };
}

struct reader_estimate reader_estimate_bytes(uint64_t bytes, uint64_t mean)
{
    return weighted((double)bytes, probability(bytes, mean));
}

struct reader_estimate reader_estimate_blocks(uint64_t bytes, uint64_t mean)
{
    return weighted(1, probability(bytes, mean));
}

struct reader_estimate reader_estimate_sum(struct reader_estimate a,
                                           struct reader_estimate b)
{
    return (struct reader_estimate){a.value + b.value, a.variance + b.variance};
}

/* ----------------------------------------------------- gamma quantiles */

/* The distribution function at x of the gamma distribution of that shape, by
 * the series x^a e^-x / Gamma(a + 1) * (1 + x / (a + 1) + ...). */
static double gamma_below(double shape, double x)
{
    double term = 1;
    double sum = 1;

    if (x <= 0)
        return 0;
    for (int i = 1; i < TERMS_MAX && term > sum * 1e-15; i++) {
        term *= x / (shape + i);
        sum += term;
    }
    return sum * exp(shape * log(x) - x - lgamma(shape + 1));
}

static double quantile_by_bisection(double shape, double below)
{
    double low = 0;
    double high = shape + 10 * sqrt(shape) + 10;

    for (int i = 0; i < BISECTIONS; i++) {
        double middle = (low + high) / 2;

        if (gamma_below(shape, middle) < below)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

static double quantile_of_large(double shape, double z)
{
    double part = 1 / (9 * shape);
    double root = 1 - part + z * sqrt(part);

    return shape * root * root * root;
}

static double gamma_low(double shape)
{
    return shape < SHAPE_LARGE ? quantile_by_bisection(shape, 0.025)
                               : quantile_of_large(shape, -Z975);
}

static double gamma_high(double shape)
{
    return shape < SHAPE_LARGE ? quantile_by_bisection(shape, 0.975)
                               : quantile_of_large(shape, Z975);
}

/* --------------------------------------------------------------- ranges */

struct reader_range95 reader_estimate_range(struct reader_estimate estimate,
                                            double unit)
{
    double value = estimate.value;
    double count = pow(value / sqrt(estimate.variance), 2);

    if (value <= 0)
        return (struct reader_range95){0, unit * gamma_high(1)};
    if (estimate.variance <= 0 || !isfinite(count))
        return (struct reader_range95){value, value};
    /* Rounding must not put the value outside. */
    return (struct reader_range95){
        .low = fmin(value, value * (gamma_low(count) / count)),
        .high = fmax(value, value * (gamma_high(count + 1) / count)),
    };
}

struct reader_range95 reader_estimate_change(struct reader_estimate now,
                                             double now_unit,
                                             struct reader_estimate then,
                                             double then_unit)
{
    struct reader_range95 a = reader_estimate_range(now, now_unit);
    struct reader_range95 b = reader_estimate_range(then, then_unit);
    double change = now.value - then.value;

    return (struct reader_range95){
        .low = change - hypot(now.value - a.low, b.high - then.value),
        .high = change + hypot(a.high - now.value, then.value - b.low),
    };
}
