/* Where the exporter listens. */
#ifndef GCSHIM_EXPORT_LISTEN_H
#define GCSHIM_EXPORT_LISTEN_H

#include <stddef.h>
#include <sys/socket.h>

enum {
    LISTEN_HOST_BYTES = 256,
    LISTEN_PORT_BYTES = 8,
    /* "[", an address, "]:", a port */
    LISTEN_TEXT_BYTES = 80,
};

/* Loopback, as whoever is let in learns the names of programs.  The port lies
 * outside of the exporters' own range, in which there is none left. */
#define LISTEN_DEFAULT "127.0.0.1:19909"

struct listen_place {
    char host[LISTEN_HOST_BYTES];
    char port[LISTEN_PORT_BYTES];
};

/* "ADDR:PORT", with an IPv6 address in brackets; port 0 stands for any that
 * is free: 0 or -EINVAL. */
int listen_parse(const char *text, struct listen_place *ret_place);

/* A socket that listens there, non-blocking: 0 or -errno, -ENXIO where there
 * is no such address.  The caller closes it. */
int listen_open(const struct listen_place *place, int *ret_fd);

/* Where a socket listens, as it stands in a URL. */
int listen_name(int fd, char ret_text[LISTEN_TEXT_BYTES]);

#endif
