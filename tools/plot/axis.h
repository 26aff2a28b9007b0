/* Axes: where tics stand, and what they say. */
#ifndef GCSHIM_PLOT_AXIS_H
#define GCSHIM_PLOT_AXIS_H

enum { AXIS_TEXT_BYTES = 32 };

struct axis {
    double most;      /* in seconds or bytes; above 0 */
    double step;      /* from one tic to the next, likewise */
    double unit;      /* how many of these one of the unit's is */
    const char *name; /* of the unit: "MiB", "min" */
};

/* For values from 0 to most. */
struct axis axis_of_bytes(double most);
struct axis axis_of_seconds(double most);

/* "64 MiB", "1.5 min"; "0" at the origin. */
char *axis_text(char text[AXIS_TEXT_BYTES], const struct axis *axis,
                double value);

#endif
