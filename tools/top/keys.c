/* Which key does what: see keys.h. */
#include "top/keys.h"

#define F(n) (KEY_FUNCTION + (n))

/* clang-format off */
const struct key_binding key_bindings[] = {
    {{KEY_ARROW_UP, 'k'}, ACTION_UP, "Up", "one row up"},
    {{KEY_ARROW_DOWN, 'j'}, ACTION_DOWN, "Down", "one row down"},
    {{KEY_PAGE_UP}, ACTION_PAGE_UP, "PgUp", "one page up"},
    {{KEY_PAGE_DOWN}, ACTION_PAGE_DOWN, "PgDn", "one page down"},
    {{KEY_FIRST}, ACTION_FIRST, "Home", "the first row"},
    {{KEY_LAST}, ACTION_LAST, "End", "the last row"},
    {{KEY_RETURN, '\r'}, ACTION_OPEN, "Enter", "the process in detail"},
    {{'1'}, ACTION_PANEL_1, "1", "the process: overview"},
    {{'2'}, ACTION_PANEL_2, "2", "the process: threads"},
    {{'3'}, ACTION_PANEL_3, "3", "the process: size classes"},
    {{'4'}, ACTION_PANEL_4, "4", "the process: huge blocks"},
    {{'5'}, ACTION_PANEL_5, "5", "the process: call sites"},
    {{'6'}, ACTION_PANEL_6, "6", "the process: collections"},
    {{KEY_ESC}, ACTION_BACK, "Esc", "back; no filter any more"},
    {{'H'}, ACTION_THREADS, "H", "threads under each process"},
    {{'t', F(5)}, ACTION_TREE, "t F5", "tree of families, or list"},
    {{' '}, ACTION_FOLD, "Space", "tree: fold or unfold"},
    {{KEY_ARROW_LEFT}, ACTION_LEFT, "Left", "fold, parent; panel before"},
    {{KEY_ARROW_RIGHT}, ACTION_RIGHT, "Right", "unfold, child; next panel"},
    {{'P'}, ACTION_SORT_RATE, "P", "sort by activity (RATE/s)"},
    {{'M'}, ACTION_SORT_USED, "M", "sort by memory used"},
    {{'T'}, ACTION_SORT_TOTAL, "T", "sort by total handed out"},
    {{'N'}, ACTION_SORT_PID, "N", "sort by pid"},
    {{'<', ','}, ACTION_SORT_BEFORE, "<", "sort by the column before"},
    {{'>', '.'}, ACTION_SORT_NEXT, ">", "sort by the next column"},
    {{F(6)}, ACTION_SORT_CHOOSE, "F6", "sort by a column to choose"},
    {{'I'}, ACTION_INVERT, "I", "invert the order"},
    {{'/', F(3)}, ACTION_SEARCH, "/ F3", "search"},
    {{'n'}, ACTION_SEARCH_NEXT, "n", "search for the next one"},
    {{'\\', F(4)}, ACTION_FILTER, "\\ F4", "show only what matches"},
    {{'z'}, ACTION_BASELINE, "z", "change from now on; again: off"},
    {{'R'}, ACTION_TRIM, "R", "have it give memory back"},
    {{'Z'}, ACTION_PAUSE, "Z", "pause; again: go on"},
    {{'+', '='}, ACTION_SLOWER, "+", "refresh less often"},
    {{'-'}, ACTION_FASTER, "-", "refresh more often"},
    {{KEY_CTRL_L}, ACTION_REDRAW, "Ctrl-L", "draw anew"},
    {{'h', '?', F(1)}, ACTION_HELP, "h ? F1", "this help"},
    {{'q', F(10)}, ACTION_QUIT, "q F10", "quit"},
    {{0}, ACTION_NONE, "Mouse", "click, double click, wheel"},
};
/* clang-format on */

const size_t key_binding_count = sizeof(key_bindings) / sizeof(key_bindings[0]);

enum action key_action(uint32_t key)
{
    if (key == 0)
        return ACTION_NONE;
    for (size_t i = 0; i < key_binding_count; i++) {
        for (size_t k = 0; k < 3; k++) {
            if (key_bindings[i].keys[k] == key)
                return key_bindings[i].action;
        }
    }
    return ACTION_NONE;
}
