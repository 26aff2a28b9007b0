/* Surveys made by a thread of their own: see surveyor.h. */
#include "top/surveyor.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

static uint64_t now_ns(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* Waits until one is wanted: false if none will be any more. */
static bool await_wish(struct surveyor *surveyor)
{
    (void)pthread_mutex_lock(&surveyor->lock);
    while (!surveyor->is_wanted && !surveyor->is_over)
        (void)pthread_cond_wait(&surveyor->wanted, &surveyor->lock);
    bool is_wanted = surveyor->is_wanted && !surveyor->is_over;

    surveyor->is_wanted = false;
    (void)pthread_mutex_unlock(&surveyor->lock);
    return is_wanted;
}

static void *run(void *argument)
{
    struct surveyor *surveyor = argument;

    while (await_wish(surveyor)) {
        struct reader_survey survey = {0};
        uint64_t began_ns = now_ns();
        int err = reader_survey_init(&survey, NULL);

        (void)pthread_mutex_lock(&surveyor->lock);
        surveyor->survey = survey;
        surveyor->error = err;
        surveyor->began_ns = began_ns;
        surveyor->ended_ns = now_ns();
        surveyor->is_made = true;
        (void)pthread_mutex_unlock(&surveyor->lock);
        (void)eventfd_write(surveyor->fd, 1);
    }
    return NULL;
}

int surveyor_init(struct surveyor *surveyor)
{
    *surveyor = (struct surveyor){
        .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .wanted = PTHREAD_COND_INITIALIZER,
    };
    if (surveyor->fd < 0)
        return -errno;
    int err = pthread_create(&surveyor->thread, NULL, run, surveyor);

    if (err)
        close(surveyor->fd);
    return -err;
}

void surveyor_fini(struct surveyor *surveyor)
{
    (void)pthread_mutex_lock(&surveyor->lock);
    surveyor->is_over = true;
    (void)pthread_cond_signal(&surveyor->wanted);
    (void)pthread_mutex_unlock(&surveyor->lock);
    (void)pthread_join(surveyor->thread, NULL);
    reader_survey_fini(&surveyor->survey);
    close(surveyor->fd);
}

void surveyor_ask(struct surveyor *surveyor)
{
    if (surveyor->is_busy)
        return;
    surveyor->is_busy = true;
    (void)pthread_mutex_lock(&surveyor->lock);
    surveyor->is_wanted = true;
    (void)pthread_cond_signal(&surveyor->wanted);
    (void)pthread_mutex_unlock(&surveyor->lock);
}

int surveyor_take(struct surveyor *surveyor, struct surveyor_result *ret_result)
{
    eventfd_t count = 0;
    int err = -EAGAIN;

    (void)pthread_mutex_lock(&surveyor->lock);
    if (surveyor->is_made) {
        err = surveyor->error;
        if (err == 0)
            *ret_result = (struct surveyor_result){
                surveyor->survey, surveyor->began_ns, surveyor->ended_ns};
        surveyor->survey = (struct reader_survey){0};
        surveyor->is_made = false;
        surveyor->is_busy = false;
    }
    (void)pthread_mutex_unlock(&surveyor->lock);
    if (err != -EAGAIN)
        (void)eventfd_read(surveyor->fd, &count);
    return err;
}
