/* The terminal: see term.h.
 *
 * Signals are blocked but for the moments of waiting in ppoll, so a handler
 * need only note them: all that is done about them is done in plain code. */
#include "top/term.h"

#include <assert.h>
#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <term.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <ncurses.h>

/* Keys of ours have names that ncurses does not use. */
#include "top/keys.h"

enum {
    NS_PER_S = 1000000000,
    ESCAPE_DELAY_MS = 25, /* an escape alone is the Esc key after so long */
    LEAVE_BYTES = 256,
    FUNCTION_KEYS = 12,
};

static struct {
    SCREEN *screen;
    struct termios modes;
    sigset_t mask_before; /* as it was, and as it is while waiting */
    char leave[LEAVE_BYTES];
    size_t leave_length;
    bool colours;
} term;

static volatile sig_atomic_t pending[NSIG];

/* ------------------------------------------------------------ signals */

static const int endings[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
static const int notices[] = {SIGWINCH, SIGTSTP, SIGCONT};
static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void on_signal(int number)
{
    pending[number] = 1;
}

/* Only what is safe in a handler: the terminal's modes as they were, and the
 * bytes that leave the full screen, made ready beforehand. */
static void on_crash(int number)
{
    (void)!write(STDOUT_FILENO, term.leave, term.leave_length);
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &term.modes);
    (void)raise(number); /* SA_RESETHAND: it ends us now */
}

static void handle(const int *numbers, size_t count, void (*handler)(int),
                   int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

    for (size_t i = 0; i < count; i++) {
        struct sigaction old;

        /* What was ignored when we began, as under nohup, stays so. */
        if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler == SIG_IGN)
            continue;
        (void)sigaction(numbers[i], &action, NULL);
    }
}

static void signals_init(void)
{
    sigset_t blocked;

    sigemptyset(&blocked);
    for (size_t i = 0; i < COUNT(endings); i++)
        sigaddset(&blocked, endings[i]);
    for (size_t i = 0; i < COUNT(notices); i++)
        sigaddset(&blocked, notices[i]);
    (void)sigprocmask(SIG_BLOCK, &blocked, &term.mask_before);
    handle(endings, COUNT(endings), on_signal, 0);
    handle(notices, COUNT(notices), on_signal, 0);
    handle(crashes, COUNT(crashes), on_crash, (int)SA_RESETHAND);
}

static bool take(int number)
{
    bool was = pending[number];

    pending[number] = 0;
    return was;
}

static int ending_signal(void)
{
    for (size_t i = 0; i < COUNT(endings); i++) {
        if (pending[endings[i]])
            return endings[i];
    }
    return 0;
}

static void raise_by_default(int number)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    struct sigaction old;
    sigset_t only;
    sigset_t mask;

    sigemptyset(&only);
    sigaddset(&only, number);
    (void)sigaction(number, &action, &old);
    (void)raise(number);
    (void)sigprocmask(SIG_UNBLOCK, &only, &mask);
    /* Here we stop, or end.  When we go on: */
    (void)sigprocmask(SIG_SETMASK, &mask, NULL);
    (void)sigaction(number, &old, NULL);
}

void term_end(void)
{
    int number = ending_signal();

    if (number)
        raise_by_default(number);
}

/* --------------------------------------------------------------- begin */

/* What leaves the full screen, kept ready for a crash. */
static int leave_byte(int byte)
{
    if (term.leave_length < LEAVE_BYTES)
        term.leave[term.leave_length++] = (char)byte;
    return byte;
}

static void leave_prepare(void)
{
    if (exit_ca_mode)
        (void)tputs(exit_ca_mode, 1, leave_byte);
    if (cursor_normal)
        (void)tputs(cursor_normal, 1, leave_byte);
}

/* What makes the terminal speak of its mouse; ncurses takes the same for it,
 * and where there is none it is the oldest way. */
static const char *mouse_mode(bool on)
{
    const char *mode = tigetstr("XM");

    if (mode && mode != (const char *)-1)
        return tparm(mode, (long)on);
    return on ? "\033[?1000h" : "\033[?1000l";
}

static void mouse_init(void)
{
    if (mousemask(BUTTON1_PRESSED | BUTTON4_PRESSED | BUTTON5_PRESSED, NULL) ==
        0)
        return;
    (void)mouseinterval(0); /* a press is told at once */
    (void)tputs(mouse_mode(false), 1, leave_byte);
}

/* The parts of a whole, by colour where there are colours; else by letter. */
static const short part_colours[] = {COLOR_GREEN, COLOR_MAGENTA, COLOR_CYAN,
                                     COLOR_RED,   COLOR_YELLOW,  COLOR_BLUE};

enum { PARTS = COUNT(part_colours) };
static_assert(ATTR_PART + PARTS - 1 == ATTR_PART_LAST, "a colour for each");

static void colours_init(void)
{
    const char *no_color = getenv("NO_COLOR");

    term.colours = !(no_color && *no_color) && has_colors() &&
                   start_color() == OK && use_default_colors() == OK;
    if (!term.colours)
        return;
    init_pair(ATTR_TITLE + 1, COLOR_BLACK, COLOR_GREEN);
    init_pair(ATTR_SELECTED + 1, COLOR_BLACK, COLOR_CYAN);
    init_pair(ATTR_BAR + 1, COLOR_GREEN, -1);
    init_pair(ATTR_WARNING + 1, COLOR_YELLOW, -1);
    init_pair(ATTR_LABEL + 1, COLOR_BLACK, COLOR_CYAN);
    for (int part = 0; part < PARTS; part++)
        init_pair((short)(ATTR_PART + part + 1), COLOR_BLACK,
                  part_colours[part]);
}

static const char *terminal_check(void)
{
    int err = 0;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return "this is no terminal; -b prints to files and pipes";
    if (setupterm(NULL, STDOUT_FILENO, &err) != OK || !cursor_address)
        return "this terminal cannot show a full screen (TERM); -b prints "
               "line by line";
    (void)del_curterm(cur_term); /* newterm makes its own */
    return NULL;
}

const char *term_init(bool mouse)
{
    const char *problem = terminal_check();

    if (problem)
        return problem;
    (void)tcgetattr(STDIN_FILENO, &term.modes);
    /* Before ncurses, which then leaves these signals to us. */
    signals_init();
    term.screen = newterm(NULL, stdout, stdin);
    if (!term.screen) {
        (void)sigprocmask(SIG_SETMASK, &term.mask_before, NULL);
        return "this terminal cannot show a full screen (TERM); -b prints "
               "line by line";
    }
    leave_prepare();
    (void)cbreak();
    (void)noecho();
    (void)nonl();
    (void)curs_set(0);
    (void)keypad(stdscr, true);
    (void)nodelay(stdscr, true);
    set_escdelay(ESCAPE_DELAY_MS);
    if (mouse)
        mouse_init();
    colours_init();
    return NULL;
}

void term_fini(void)
{
    if (!term.screen)
        return;
    (void)endwin();
    delscreen(term.screen);
    term.screen = NULL;
    (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &term.modes);
}

/* -------------------------------------------------------------- output */

void term_size(int *ret_rows, int *ret_cols)
{
    *ret_rows = getmaxy(stdscr);
    *ret_cols = getmaxx(stdscr);
}

static attr_t attributes(enum canvas_attr attr)
{
    static const attr_t plain[ATTR_COUNT] = {
        [ATTR_BOLD] = A_BOLD,     [ATTR_DIM] = A_DIM,
        [ATTR_TITLE] = A_REVERSE, [ATTR_SELECTED] = A_REVERSE | A_BOLD,
        [ATTR_BAR] = A_BOLD,      [ATTR_WARNING] = A_BOLD,
        [ATTR_LABEL] = A_REVERSE,
    };

    return plain[attr];
}

static bool has_pair(enum canvas_attr attr)
{
    return attr == ATTR_TITLE || attr == ATTR_SELECTED || attr == ATTR_BAR ||
           attr == ATTR_WARNING || attr == ATTR_LABEL ||
           (attr >= ATTR_PART && attr <= ATTR_PART_LAST);
}

static void cell_put(int row, int col, const struct cell *cell)
{
    wchar_t text[] = {(wchar_t)cell->code, L'\0'};
    bool paired = term.colours && has_pair(cell->attr);
    cchar_t shown;

    (void)setcchar(&shown, text, paired ? A_NORMAL : attributes(cell->attr),
                   (short)(paired ? cell->attr + 1 : 0), NULL);
    (void)mvadd_wch(row, col, &shown);
}

void term_put(const struct canvas *canvas, bool afresh)
{
    if (afresh)
        (void)clearok(curscr, true);
    (void)erase();
    for (int row = 0; row < canvas->rows; row++) {
        for (int col = 0; col < canvas->cols; col++) {
            const struct cell *cell =
                &canvas
                     ->cells[(size_t)row * (size_t)canvas->cols + (size_t)col];

            if (cell->code != 0)
                cell_put(row, col, cell);
        }
    }
    (void)refresh();
}

/* --------------------------------------------------------------- input */

static uint32_t special_key(wint_t code)
{
    for (wint_t n = 1; n <= FUNCTION_KEYS; n++) {
        if (code == (wint_t)KEY_F(n))
            return KEY_FUNCTION + n;
    }
    switch (code) {
    case KEY_UP:
        return KEY_ARROW_UP;
    case KEY_DOWN:
        return KEY_ARROW_DOWN;
    case KEY_LEFT:
        return KEY_ARROW_LEFT;
    case KEY_RIGHT:
        return KEY_ARROW_RIGHT;
    case KEY_PPAGE:
        return KEY_PAGE_UP;
    case KEY_NPAGE:
        return KEY_PAGE_DOWN;
    case KEY_HOME:
        return KEY_FIRST;
    case KEY_END:
        return KEY_LAST;
    case KEY_ENTER:
        return KEY_RETURN;
    case KEY_BACKSPACE:
    case KEY_DC:
        return KEY_ERASE;
    default:
        return 0;
    }
}

/* Presses of the left button and turns of the wheel; TERM_TIMEOUT for the
 * rest. */
static enum term_event mouse_event(uint32_t *ret_key,
                                   struct term_place *ret_place)
{
    MEVENT event;

    if (getmouse(&event) != OK)
        return TERM_TIMEOUT;
    *ret_place = (struct term_place){event.y, event.x};
    if (event.bstate & BUTTON1_PRESSED)
        return TERM_CLICK;
    if (!(event.bstate & (BUTTON4_PRESSED | BUTTON5_PRESSED)))
        return TERM_TIMEOUT;
    *ret_key = event.bstate & BUTTON4_PRESSED ? KEY_WHEEL_UP : KEY_WHEEL_DOWN;
    return TERM_KEY;
}

/* A key or a click that has come already, TERM_TIMEOUT if none.  ncurses may
 * hold several, which no poll tells of: what says nothing, as a button that is
 * let go or ncurses' own word of a new size, is passed over here. */
static enum term_event input_read(uint32_t *ret_key,
                                  struct term_place *ret_place)
{
    enum term_event event = TERM_TIMEOUT;
    wint_t code = 0;
    int kind = 0;

    while (event == TERM_TIMEOUT && (kind = get_wch(&code)) != ERR) {
        bool is_special = kind == KEY_CODE_YES;

        if (is_special && code == KEY_MOUSE) {
            event = mouse_event(ret_key, ret_place);
        } else {
            *ret_key = is_special ? special_key(code) : (uint32_t)code;
            event = *ret_key != 0 ? TERM_KEY : TERM_TIMEOUT;
        }
    }
    return event;
}

static void window_resize(void)
{
    struct winsize size;

    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 &&
        size.ws_col > 0)
        (void)resizeterm(size.ws_row, size.ws_col);
}

/* Stops as the shell wishes, with the terminal given back meanwhile. */
static void suspend(void)
{
    (void)endwin();
    raise_by_default(SIGTSTP);
}

/* What was noted of signals, as an event; TERM_TIMEOUT if nothing was. */
static enum term_event signal_event(void)
{
    bool stopped = take(SIGTSTP);
    bool continued = false;
    bool resized = false;

    if (ending_signal())
        return TERM_SIGNAL;
    if (stopped)
        suspend();
    continued = take(SIGCONT) || stopped;
    resized = take(SIGWINCH);
    if (continued)
        (void)reset_prog_mode(); /* the shell had its own modes meanwhile */
    if (continued || resized)
        window_resize();
    return continued || resized ? TERM_REDRAW : TERM_TIMEOUT;
}

static struct timespec time_left(uint64_t deadline_ns)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
    uint64_t left = deadline_ns > now_ns ? deadline_ns - now_ns : 0;

    return (struct timespec){.tv_sec = (time_t)(left / NS_PER_S),
                             .tv_nsec = (long)(left % NS_PER_S)};
}

/* Readable, and yet there is nothing to be read: it has been closed. */
static bool is_at_end(void)
{
    int bytes = 0;

    return ioctl(STDIN_FILENO, FIONREAD, &bytes) < 0 || bytes == 0;
}

enum term_event term_wait(uint64_t deadline_ns, int fd, uint32_t *ret_key,
                          struct term_place *ret_place)
{
    struct pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                              {.fd = fd, .events = POLLIN}};
    struct timespec left = time_left(deadline_ns);
    enum term_event event = input_read(ret_key, ret_place);
    int ready = 0;

    if (event != TERM_TIMEOUT)
        return event;
    ready = ppoll(polled, COUNT(polled), &left, &term.mask_before);
    event = signal_event();
    if (event != TERM_TIMEOUT || ready <= 0)
        return event;
    if (polled[0].revents & (POLLHUP | POLLERR | POLLNVAL))
        return TERM_GONE;
    if (!(polled[0].revents & POLLIN))
        return TERM_READY;
    bool at_end = is_at_end();

    event = input_read(ret_key, ret_place);
    return event == TERM_TIMEOUT && at_end ? TERM_GONE : event;
}
