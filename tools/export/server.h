/* The HTTP side: answers GET and HEAD of /metrics, / and /-/healthy, one
 * request a connection, in a thread of its own.  Knows nothing of what is
 * measured. */
#ifndef GCSHIM_EXPORT_SERVER_H
#define GCSHIM_EXPORT_SERVER_H

#include <stdio.h>

#include "export/openmetrics.h"

enum {
    /* A connection that says nothing, or takes nothing, for so long is
     * closed. */
    SERVER_IDLE_S = 10,
    /* With more than so many open the oldest is closed: whoever opens many
     * and leaves them keeps nobody out.  Half as many again are let in while
     * old ones go. */
    SERVER_CONNECTIONS = 32,
    SERVER_CONNECTIONS_MAX = SERVER_CONNECTIONS * 3 / 2,
};

/* Who writes the metrics.  Called in the server's thread, never twice at
 * once: 0, or -errno after having said why. */
struct server_source {
    int (*write)(void *context, FILE *out, enum openmetrics_format format);
    void *context;
};

struct server;

/* Serves on a socket that listens, which is the server's from now on: 0, or
 * -errno, and the socket is closed.  End with server_close. */
int server_open(struct server **ret_server, int fd,
                const struct server_source *source);
void server_close(struct server *server);

#endif
