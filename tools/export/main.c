/* gcshim-export: scrapes go out as metrics, once or to whoever asks. */
#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "common/cli.h"
#include "export/listen.h"
#include "export/metrics.h"
#include "export/options.h"
#include "export/scrape.h"
#include "export/server.h"

static const char command[] = "gcshim-export";

static int metrics_give(void *context, FILE *out,
                        enum openmetrics_format format)
{
    struct scrape scrape;
    int err = scraper_take(context, &scrape);

    if (err) {
        (void)cli_failure(command, "/dev/shm cannot be read: %s",
                          strerror(-err));
        return err;
    }
    err = metrics_write(out, format, &scrape);
    scrape_fini(&scrape);
    if (err)
        (void)cli_failure(command, "writing: %s", strerror(-err));
    return err;
}

/* Blocked here, and so in the server's thread too. */
static sigset_t signals_hold(void)
{
    sigset_t signals;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return signals;
}

static int announce(int fd)
{
    char name[LISTEN_TEXT_BYTES];
    int err = listen_name(fd, name);

    if (err == 0)
        (void)fprintf(stderr, "%s: listening on http://%s/metrics\n", command,
                      name);
    return err;
}

/* Until a signal ends it. */
static int serve(const struct options *options, struct scraper *scraper)
{
    struct server_source source = {.write = metrics_give, .context = scraper};
    sigset_t signals = signals_hold();
    struct server *server = NULL;
    int signal = 0;
    int fd = -1;
    int err = listen_open(&options->place, &fd);

    if (err == -ENXIO)
        return cli_usage(command, "--listen: there is no address '%s'",
                         options->place.host);
    if (err == 0)
        err = server_open(&server, fd, &source);
    if (err)
        return cli_failure(command, "%s: %s", options->listen, strerror(-err));
    err = announce(fd);
    if (err == 0)
        (void)sigwait(&signals, &signal);
    server_close(server);
    return err ? cli_failure(command, "%s: %s", options->listen, strerror(-err))
               : CLI_DONE;
}

int main(int argc, char **argv)
{
    struct options options;
    struct scraper scraper;

    (void)setlocale(LC_ALL, "");
    (void)setlocale(LC_NUMERIC, "C");
    int status = options_init(&options, argc, argv);

    if (status >= 0)
        return status;
    scraper_init(&scraper, &options.wish);
    if (options.once)
        status = metrics_give(&scraper, stdout, OPENMETRICS_0_0_4) < 0
                     ? CLI_FAILED
                     : CLI_DONE;
    else
        status = serve(&options, &scraper);
    scraper_fini(&scraper);
    options_fini(&options);
    return status;
}
