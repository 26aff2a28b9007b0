/* Where the exporter listens: see listen.h. */
#include "export/listen.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/cli.h"

enum { BACKLOG = 64, PORT_MOST = 65535 };

int listen_parse(const char *text, struct listen_place *ret_place)
{
    const char *colon = strrchr(text, ':');
    struct listen_place place;
    uint64_t port = 0;

    if (!colon || colon == text ||
        cli_number(colon + 1, 0, PORT_MOST, &port) < 0)
        return -EINVAL;
    size_t length = (size_t)(colon - text);
    bool is_bracketed = text[0] == '[' && text[length - 1] == ']';

    if (is_bracketed) {
        text++;
        length -= 2;
    } else if (memchr(text, ':', length)) { /* what is address, what port? */
        return -EINVAL;
    }
    if (length == 0 || length >= sizeof(place.host))
        return -EINVAL;
    memcpy(place.host, text, length);
    place.host[length] = '\0';
    (void)snprintf(place.port, sizeof(place.port), "%" PRIu64, port);
    *ret_place = place;
    return 0;
}

static int socket_listen(int fd, const struct addrinfo *address)
{
    int on = 1;

    /* A restart need not wait for the connections of the one before. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        bind(fd, address->ai_addr, address->ai_addrlen) < 0 ||
        listen(fd, BACKLOG) < 0)
        return -errno;
    return 0;
}

int listen_open(const struct listen_place *place, int *ret_fd)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int err = 0;

    if (getaddrinfo(place->host, place->port, &hints, &found) != 0)
        return -ENXIO;
    int fd =
        socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    err = fd < 0 ? -errno : socket_listen(fd, found);
    freeaddrinfo(found);
    if (err == 0)
        *ret_fd = fd;
    else if (fd >= 0)
        close(fd);
    return err;
}

int listen_name(int fd, char ret_text[LISTEN_TEXT_BYTES])
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof(address);
    char host[LISTEN_TEXT_BYTES - LISTEN_PORT_BYTES - 2];
    char port[LISTEN_PORT_BYTES];

    if (getsockname(fd, (struct sockaddr *)&address, &length) < 0)
        return -errno;
    if (getnameinfo((struct sockaddr *)&address, length, host, sizeof(host),
                    port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return -EINVAL;
    (void)snprintf(ret_text, LISTEN_TEXT_BYTES,
                   address.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host,
                   port);
    return 0;
}
