/* Axes: see axis.h. */
#include "plot/axis.h"

#include <stddef.h>
#include <stdio.h>

enum { BYTES_TICS = 8, SECONDS_TICS = 10 };

struct unit {
    double size;
    double from; /* of what length on it is used */
    const char *name;
};

#define KIB 1024.0
#define MIN 60.0
#define H   3600.0
#define DAY 86400.0

static const struct unit units_of_bytes[] = {
    {KIB * KIB * KIB * KIB, KIB *KIB *KIB *KIB, "TiB"},
    {KIB * KIB * KIB, KIB *KIB *KIB, "GiB"},
    {KIB * KIB, KIB *KIB, "MiB"},
    {KIB, KIB, "KiB"},
    {1, 0, "B"},
};

static const struct unit units_of_time[] = {
    {DAY, 3 * DAY, "d"},
    {H, 3 * H, "h"},
    {MIN, 3 * MIN, "min"},
    {1, 0, "s"},
};

enum { STEPS = 9 };

static const double steps_of_bytes[STEPS] = {1,  2,   5,   10, 20,
                                             50, 100, 200, 500};
static const double steps_of_time[STEPS] = {1, 2, 5, 10, 15, 20, 30, 60, 120};

/* The first step, in units, of which at most so many fit. */
static double step_of(double length, const double steps[STEPS], int tics)
{
    double scale = 1;

    while (length / (scale / 10) <= tics && scale > 1e-6)
        scale /= 10;
    if (scale < 1) {
        for (size_t i = 0; i < 3; i++) {
            if (length / (steps[i] * scale) <= tics)
                return steps[i] * scale;
        }
        return 10 * scale;
    }
    for (size_t i = 0; i < STEPS; i++) {
        if (length / steps[i] <= tics)
            return steps[i];
    }
    return length;
}

static struct axis axis_of(double most, const struct unit *units,
                           const double steps[STEPS], int tics)
{
    const struct unit *unit = units;

    while (unit->from > most)
        unit++;
    return (struct axis){.most = most,
                         .step = step_of(most / unit->size, steps, tics) *
                                 unit->size,
                         .unit = unit->size,
                         .name = unit->name};
}

struct axis axis_of_bytes(double most)
{
    return axis_of(most >= 1 ? most : 1, units_of_bytes, steps_of_bytes,
                   BYTES_TICS);
}

struct axis axis_of_seconds(double most)
{
    return axis_of(most > 1e-6 ? most : 1e-6, units_of_time, steps_of_time,
                   SECONDS_TICS);
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
