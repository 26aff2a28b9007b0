#include "report.h"

#include "clock.h"
#include "compiler.h"
#include "leaks.h"
#include "region.h"
#include "slot.h"
#include "sys.h"

#include <string.h>
#include <sys/utsname.h>

/* Above what shells and scripts use by number. */
enum { KEPT_LEAST = 300 };

static struct {
    int fd;
    dev_t device;
    ino_t inode;
} kept_stderr = {.fd = -1};

enum { VALUE_COLUMN = 20, PEAK_COLUMN = 32 };

static void put_host(struct text *text)
{
    struct utsname names;
    text_put(text, uname(&names) == 0 ? names.nodename : "unknown");
}

/* A program's name is its own to choose: no slash of it leads elsewhere. */
static void put_program(struct text *text)
{
    for (const char *c = region.segment.header.comm; *c; c++)
        text_put_bytes(text, *c == '/' ? "_" : c, 1);
}

static void put_letter(struct text *text, char letter)
{
    switch (letter) {
    case 'p':
        text_put_number(text, region.segment.header.pid);
        break;
    case 'h':
        put_host(text);
        break;
    case 'e':
        put_program(text);
        break;
    case 't':
        text_put_number(text, clock_wall_s());
        break;
    case '%':
        text_put(text, "%");
        break;
    default:
        text_put(text, "%");
        text_put_bytes(text, &letter, letter ? 1 : 0);
    }
}

void report_path(struct text *text, const char *where)
{
    for (const char *c = where; *c; c++) {
        if (*c != '%') {
            text_put_bytes(text, c, 1);
            continue;
        }
        put_letter(text, c[1]);
        if (c[1])
            c++;
    }
}

/* The columns that every line begins with. */
static void put_amount(struct text *text, const char *name, uint64_t bytes)
{
    const char *line = text->at;
    text_put(text, name);
    text_pad(text, line, VALUE_COLUMN);
    text_put_size(text, bytes);
    text_pad(text, line, PEAK_COLUMN);
}

static void put_pair(struct text *text, const char *name, uint64_t now,
                     uint64_t peak)
{
    put_amount(text, name, now);
    text_put(text, "peak ");
    text_put_size(text, peak);
    text_put(text, "\n");
}

static void put_traffic(struct text *text, const char *name, uint64_t bytes,
                        uint64_t blocks)
{
    put_amount(text, name, bytes);
    text_put(text, "in ");
    text_put_number(text, blocks);
    text_put(text, " blocks\n");
}

static void put_report(struct text *text)
{
    const struct gcshim_header *header = &region.segment.header;
    struct slots_sum sum;
    slots_sum(&sum);
    text_put(text, "gcshim: ");
    text_put(text, header->comm);
    text_put(text, " (pid ");
    text_put_number(text, header->pid);
    text_put(text, ")\n");
    put_pair(text, "  memory used", sum.allocated_bytes - sum.freed_bytes,
             counter_read(&header->used_peak_bytes));
    put_pair(text, "  memory allocated",
             counter_read(&header->committed_bytes),
             counter_read(&header->committed_peak_bytes));
    put_traffic(text, "  handed out", sum.allocated_bytes,
                sum.allocated_blocks);
    put_traffic(text, "  freed", sum.freed_bytes, sum.freed_blocks);
    leaks_put(text);
}

static void warn_unwritten(const char *path, int error)
{
    char buffer[512];
    struct text text = text_on(buffer, sizeof(buffer));
    text_put(&text, "report: ");
    text_put(&text, path);
    text_put(&text, ": ");
    text_put(&text, strerrordesc_np(-error));
    text_warn(&text);
}

void report_keep_stderr(void)
{
    struct stat file;
    int fd = sys_dup_above(STDERR_FILENO, KEPT_LEAST);
    if (fd < 0 || sys_fstat(fd, &file) != 0)
        return;
    kept_stderr.fd = fd;
    kept_stderr.device = file.st_dev;
    kept_stderr.inode = file.st_ino;
}

/* A program may have closed what it does not know, and put a file of its own
 * in the place: that is not ours to write into. */
static int stderr_descriptor(void)
{
    struct stat file;
    if (kept_stderr.fd >= 0 && sys_fstat(kept_stderr.fd, &file) == 0 &&
        file.st_dev == kept_stderr.device && file.st_ino == kept_stderr.inode)
        return kept_stderr.fd;
    return STDERR_FILENO;
}

void report_release_stderr(void)
{
    int fd = stderr_descriptor();
    if (fd != STDERR_FILENO)
        sys_close(fd);
    kept_stderr.fd = -1;
}

void report_write(const char *where)
{
    TABLE static char buffer[16 * 1024];
    struct text report = text_on(buffer, sizeof(buffer));
    put_report(&report);
    size_t bytes = (size_t)(report.at - report.start);

    if (strcmp(where, "stderr") == 0) {
        sys_write(stderr_descriptor(), buffer, bytes);
        return;
    }
    char path_buffer[1024];
    struct text path = text_on(path_buffer, sizeof(path_buffer));
    report_path(&path, where);
    int fd = sys_open(path_buffer,
                      O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC,
                      0600);
    ssize_t written = fd < 0 ? fd : sys_write(fd, buffer, bytes);
    if (written < 0)
        warn_unwritten(path_buffer, (int)written);
    if (fd >= 0)
        sys_close(fd);
}
