// shim.h
//
// Curses with wide characters, and what Swift does not see of it: macros, globals of the C library, variadic functions.

#pragma once

#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <term.h>

// term.h has a macro for each capability; some are everyday words.
#undef columns
#undef lines

/// Takes the encoding of the environment. Whether it is UTF-8.
static inline bool qp_curses_set_locale(const char *name) {
    return setlocale(LC_CTYPE, name) && strcasecmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/// Columns of a character as the C library has it, which curses goes by; -1 if it cannot be shown.
/// wchar.h keeps it to those who asked for X/Open before they included anything.
int wcwidth(wchar_t character);
static inline int qp_curses_width(uint32_t character) { return wcwidth((wchar_t)character); }

/// Starts curses on standard input and output; null if it cannot. initscr(3) would end the process.
static inline SCREEN *qp_curses_start(void) { return newterm(NULL, stdout, stdin); }

/// Looks the terminal up: 1 if it is known, 0 if not, -1 if there is no database.
static inline int qp_curses_look_up(void) {
    int error = 0;
    return setupterm(NULL, fileno(stdout), &error) == OK ? 1 : error < 0 ? -1 : 0;
}

/// A capability of the terminal that is a text; null without it.
static inline const char *qp_curses_text(const char *name) {
    const char *text = tigetstr((char *)name);
    return text == (const char *)-1 ? NULL : text;
}

/// A capability that is a number; negative without it.
static inline int qp_curses_number(const char *name) { return tigetnum((char *)name); }

static inline WINDOW *qp_curses_screen(void) { return stdscr; }
static inline int qp_curses_columns(void) { return getmaxx(stdscr); }
static inline int qp_curses_rows(void) { return getmaxy(stdscr); }
static inline int qp_curses_pairs(void) { return COLOR_PAIRS; }

/// Everything is sent anew with the next update.
static inline void qp_curses_distrust(void) { clearok(curscr, TRUE); }

static inline attr_t qp_curses_bold(void) { return A_BOLD; }
static inline attr_t qp_curses_dim(void) { return A_DIM; }
static inline attr_t qp_curses_reverse(void) { return A_REVERSE; }
static inline attr_t qp_curses_underline(void) { return A_UNDERLINE; }

/// Writes octets of text at a place.
static inline void qp_curses_write(int column, int row, attr_t attributes, short pair, const char *text, int count) {
    if (wmove(stdscr, row, column) == ERR) return;
    wattr_set(stdscr, attributes, pair, NULL);
    waddnstr(stdscr, text, count);
}

enum qp_curses_input { QP_CURSES_NOTHING, QP_CURSES_CHARACTER, QP_CURSES_CODE };

/// The next key without waiting for one: a character, or the code of a key.
static inline enum qp_curses_input qp_curses_next(uint32_t *value) {
    wint_t character = 0;
    int result = wget_wch(stdscr, &character);
    *value = (uint32_t)character;
    return result == OK ? QP_CURSES_CHARACTER : result == KEY_CODE_YES ? QP_CURSES_CODE : QP_CURSES_NOTHING;
}

enum qp_curses_button { QP_CURSES_NO_BUTTON, QP_CURSES_PRESS, QP_CURSES_DOUBLE, QP_CURSES_UP, QP_CURSES_DOWN };

/// Asks for presses and the wheel. False: this terminal tells nothing of a mouse.
static inline bool qp_curses_watch_mouse(bool is_on) {
    mmask_t wanted = BUTTON1_PRESSED | BUTTON1_DOUBLE_CLICKED | BUTTON4_PRESSED | BUTTON5_PRESSED;
    // Without an interval nothing waits for the second press; who presses twice is found out by the reader.
    mouseinterval(0);
    return mousemask(is_on ? wanted : 0, NULL) != 0;
}

/// What the mouse did last.
static inline enum qp_curses_button qp_curses_mouse(int *column, int *row) {
    MEVENT event;
    if (getmouse(&event) != OK) return QP_CURSES_NO_BUTTON;
    *column = event.x;
    *row = event.y;
    if (event.bstate & BUTTON1_DOUBLE_CLICKED) return QP_CURSES_DOUBLE;
    if (event.bstate & BUTTON1_PRESSED) return QP_CURSES_PRESS;
    if (event.bstate & BUTTON4_PRESSED) return QP_CURSES_UP;
    return event.bstate & BUTTON5_PRESSED ? QP_CURSES_DOWN : QP_CURSES_NO_BUTTON;
}
