/* What one scrape finds: the processes that are told of, the largest first,
 * and what there is besides.  No text here, and no network. */
#ifndef GCSHIM_EXPORT_SCRAPE_H
#define GCSHIM_EXPORT_SCRAPE_H

#include "common/choice.h"
#include "common/explain.h"
#include "export/threads.h"
#include "reader/reader.h"

enum { SCRAPE_PROCESSES_DEFAULT = 256 };

/* What the command line asks for. */
struct scrape_wish {
    struct choice choice;
    size_t processes_max;
    enum threads_by threads;
    bool size_classes;
};

/* What is kept from one scrape to the next. */
struct scraper {
    const struct scrape_wish *wish;
    struct explanations explained;
    uint64_t boot_time_ns; /* since 1970, of the machine's start */
};

struct scrape_subject {
    const struct reader_process *process;
    struct threads_group *threads; /* if they were asked for */
    size_t thread_groups;
    size_t threads_left_out;
};

struct scrape {
    const struct scrape_wish *wish;
    struct reader_survey survey;
    struct scrape_subject *subjects;
    size_t count;
    size_t left_out;  /* beyond processes_max */
    size_t namesakes; /* dead ones that nothing tells from a later one */
    uint64_t boot_time_ns;
    uint64_t duration_ns;
};

/* The wish is the caller's. */
void scraper_init(struct scraper *scraper, const struct scrape_wish *wish);
void scraper_fini(struct scraper *scraper);

/* Chooses among the processes of a survey and takes it over: 0, or -ENOMEM,
 * and the survey stays the caller's.  Of those that all labels name alike
 * there is one, the living or the newest.  Living ones go before dead ones,
 * whose files anybody can make up, and then the larger before the smaller. */
int scrape_init(struct scrape *ret_scrape, const struct scrape_wish *wish,
                struct reader_survey *survey);
void scrape_fini(struct scrape *scrape);

/* Reads all processes that there are: 0 or -errno.  Release with
 * scrape_fini. */
int scraper_take(struct scraper *scraper, struct scrape *ret_scrape);

#endif
