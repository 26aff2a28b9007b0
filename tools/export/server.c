/* The HTTP side: see server.h. */
#include "export/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "export/accept.h"

enum { CONNECTION_MEMORY_BYTES = 16384 };

struct server {
    struct MHD_Daemon *daemon;
    struct server_source source;
    /* Of the connections, the oldest first. */
    int fds[SERVER_CONNECTIONS_MAX];
    size_t count;
};

/* ----------------------------------------------------------- connections */

static void connection_add(struct server *server, int fd)
{
    if (server->count == SERVER_CONNECTIONS_MAX)
        return;
    server->fds[server->count++] = fd;
    /* Those before it have been shut already, and are on their way out. */
    if (server->count > SERVER_CONNECTIONS)
        (void)shutdown(server->fds[server->count - SERVER_CONNECTIONS - 1],
                       SHUT_RDWR);
}

static void connection_remove(struct server *server, int fd)
{
    for (size_t i = 0; i < server->count; i++) {
        if (server->fds[i] != fd)
            continue;
        server->count--;
        memmove(&server->fds[i], &server->fds[i + 1],
                (server->count - i) * sizeof(server->fds[0]));
        return;
    }
}

static void connection_notified(void *context,
                                struct MHD_Connection *connection,
                                void **ignored,
                                enum MHD_ConnectionNotificationCode code)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

    (void)ignored;
    if (!info)
        return;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        connection_add(context, info->connect_fd);
    else
        connection_remove(context, info->connect_fd);
}

/* -------------------------------------------------------------- responses */

/* Queues a response, which is released in any case; NULL: memory is short,
 * and the connection is closed. */
static enum MHD_Result respond(struct MHD_Connection *connection,
                               unsigned status, struct MHD_Response *response,
                               const char *type)
{
    enum MHD_Result result = MHD_NO;

    if (!response)
        return MHD_NO;
    /* A scraper comes back every few seconds: a connection that is kept for
     * it would be one of few. */
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION,
                                "close") == MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) ==
            MHD_YES)
        result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Response *text_response(const char *text)
{
    /* libmicrohttpd does not write to it, but does not say so either. */
    return MHD_create_response_from_buffer(strlen(text), (void *)text,
                                           MHD_RESPMEM_PERSISTENT);
}

static enum MHD_Result text_respond(struct MHD_Connection *connection,
                                    unsigned status, const char *text)
{
    return respond(connection, status, text_response(text),
                   "text/plain; charset=utf-8");
}

static enum MHD_Result metrics_respond(struct server *server,
                                       struct MHD_Connection *connection)
{
    enum openmetrics_format format = accept_format(MHD_lookup_connection_value(
        connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT));
    char *body = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&body, &length);

    if (!out)
        return MHD_NO;
    int err = server->source.write(server->source.context, out, format);

    if (fclose(out) == EOF && err == 0)
        err = -ENOMEM;
    if (err) {
        free(body);
        return text_respond(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
                            "The accounts cannot be read.\n");
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, body, MHD_RESPMEM_MUST_FREE);

    if (!response)
        free(body);
    else if (MHD_add_response_header(response, MHD_HTTP_HEADER_VARY,
                                     MHD_HTTP_HEADER_ACCEPT) == MHD_NO) {
        MHD_destroy_response(response);
        response = NULL;
    }
    return respond(connection, MHD_HTTP_OK, response,
                   openmetrics_content_type(format));
}

static enum MHD_Result page_respond(struct server *server,
                                    struct MHD_Connection *connection)
{
    static const char page[] =
        "<!DOCTYPE html>\n"
        "<html lang=\"en\"><head><title>gcshim-export</title></head>\n"
        "<body><h1>gcshim-export</h1>\n"
        "<p>What programs under gcshim use and have allocated: "
        "<a href=\"metrics\">metrics</a></p>\n"
        "</body></html>\n";

    (void)server;
    return respond(connection, MHD_HTTP_OK, text_response(page),
                   "text/html; charset=utf-8");
}

static enum MHD_Result healthy_respond(struct server *server,
                                       struct MHD_Connection *connection)
{
    (void)server;
    return text_respond(connection, MHD_HTTP_OK, "healthy\n");
}

static enum MHD_Result method_respond(struct MHD_Connection *connection)
{
    static const char text[] = "Only GET and HEAD.\n";
    struct MHD_Response *response = text_response(text);

    if (response && MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW,
                                            "GET, HEAD") == MHD_NO) {
        MHD_destroy_response(response);
        response = NULL;
    }
    return respond(connection, MHD_HTTP_METHOD_NOT_ALLOWED, response,
                   "text/plain; charset=utf-8");
}

/* --------------------------------------------------------------- requests */

static const struct {
    const char *path;
    enum MHD_Result (*respond)(struct server *server,
                               struct MHD_Connection *connection);
} pages[] = {
    {"/metrics", metrics_respond},
    {"/", page_respond},
    {"/-/healthy", healthy_respond},
};

/* A body, where there is one, is not waited for: libmicrohttpd closes the
 * connection behind the answer. */
static enum MHD_Result answer(void *context, struct MHD_Connection *connection,
                              const char *path, const char *method,
                              const char *version, const char *body,
                              size_t *body_bytes, void **ignored)
{
    (void)version;
    (void)body;
    (void)body_bytes;
    (void)ignored;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
        strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return method_respond(connection);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (strcmp(path, pages[i].path) == 0)
            return pages[i].respond(context, connection);
    }
    return text_respond(connection, MHD_HTTP_NOT_FOUND,
                        "There is /metrics, and nothing here.\n");
}

int server_open(struct server **ret_server, int fd,
                const struct server_source *source)
{
    struct server *server = calloc(1, sizeof(*server));

    if (!server) {
        close(fd);
        return -ENOMEM;
    }
    server->source = *source;
    errno = 0;
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, answer, server,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)SERVER_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)SERVER_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)CONNECTION_MEMORY_BYTES, MHD_OPTION_NOTIFY_CONNECTION,
        connection_notified, server, MHD_OPTION_END);
    if (!server->daemon) {
        int err = errno ? -errno : -ENOMEM;

        close(fd);
        free(server);
        return err;
    }
    *ret_server = server;
    return 0;
}

void server_close(struct server *server)
{
    MHD_stop_daemon(server->daemon);
    free(server);
}
