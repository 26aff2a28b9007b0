/* Axes: see axis.h. */
#include "plot/axis.h"

#include <stddef.h>
#include <stdio.h>

enum { BYTES_TICS = 8, SECONDS_TICS = 10 };

enum { STEPS = 9 };

static const double decimal[STEPS] = {1, 2, 5, 10, 20, 50, 100, 200, 500};
static const double sixties[STEPS] = {1, 2, 5, 10, 15, 20, 30, 60, 120};
static const double hours[STEPS] = {1, 2, 3, 6, 12, 24, 48, 72, 96};

struct unit {
    double size;
    double from; /* of what length on it is used */
    const char *name;
    const double *steps;
};

#define KIB 1024.0
#define MIB (KIB * KIB)
#define GIB (KIB * MIB)
#define TIB (KIB * GIB)
#define MIN 60.0
#define H   3600.0
#define DAY 86400.0

static const struct unit units_of_bytes[] = {
    {TIB, TIB, "TiB", decimal}, {GIB, GIB, "GiB", decimal},
    {MIB, MIB, "MiB", decimal}, {KIB, KIB, "KiB", decimal},
    {1, 0, "B", decimal},
};

static const struct unit units_of_time[] = {
    {DAY, 4 * DAY, "d", decimal},
    {H, 3 * H, "h", hours},
    {MIN, 3 * MIN, "min", sixties},
    {1, 0, "s", sixties},
};

/* The first step, in units, of which at most so many fit: below one it is 1,
 * 2 or 5 of a decimal place. */
static double step_of(double length, const double *steps, int tics)
{
    double scale = 1;

    while (length <= tics * scale && scale > 1e-6)
        scale /= 10;
    for (int i = 0; i < 4 && scale < 1; i++) {
        if (length / (decimal[i] * scale) <= tics)
            return decimal[i] * scale;
    }
    for (int i = 0; i < STEPS; i++) {
        if (length / steps[i] <= tics)
            return steps[i];
    }
    return length / tics;
}

static struct axis axis_of(double most, const struct unit *units, int tics)
{
    const struct unit *unit = units;

    while (unit->from > most)
        unit++;
    return (struct axis){.most = most,
                         .step = step_of(most / unit->size, unit->steps, tics) *
                                 unit->size,
                         .unit = unit->size,
                         .name = unit->name};
}

struct axis axis_of_bytes(double most)
{
    return axis_of(most >= 1 ? most : 1, units_of_bytes, BYTES_TICS);
}

struct axis axis_of_seconds(double most)
{
    return axis_of(most > 1e-6 ? most : 1e-6, units_of_time, SECONDS_TICS);
}

char *axis_text(char text[AXIS_TEXT_BYTES], const struct axis *axis,
                double value)
{
    if (value <= 0)
        (void)snprintf(text, AXIS_TEXT_BYTES, "0");
    else
        (void)snprintf(text, AXIS_TEXT_BYTES, "%g %s", value / axis->unit,
                       axis->name);
    return text;
}
