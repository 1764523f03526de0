// terminal.c
//
// Brings a terminal back when the process ends in a way that nobody planned. What runs in a signal handler here calls
// functions only that signal-safety(7) lists, and touches nothing that is not set before it is armed.

#define _GNU_SOURCE
#include "CLinuxShims.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

static const int fatal[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGTRAP, SIGSYS};
enum { fatal_count = sizeof fatal / sizeof *fatal };

static struct sigaction before[fatal_count];
static char stack[65536];
static int terminal = -1;
static struct termios modes;
static char reset[512];
static size_t reset_count;
static atomic_int is_armed;

static void restore(void) {
    if (!atomic_exchange(&is_armed, 0)) return;
    // A terminal that belongs to another job now is not ours to change.
    if (tcgetpgrp(terminal) != getpgrp()) return;
    for (size_t place = 0; place < reset_count;) {
        ssize_t count = write(terminal, reset + place, reset_count - place);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        place += (size_t)count;
    }
    tcflush(terminal, TCIFLUSH);
    tcsetattr(terminal, TCSANOW, &modes);
}

static void died(int number, siginfo_t *info, void *context) {
    (void)context;
    int error = errno;
    restore();
    for (int index = 0; index < fatal_count; index++)
        if (fatal[index] == number) sigaction(number, &before[index], NULL);
    // It waits until this handler returns, and then does what it would have done without us.
    if (syscall(SYS_rt_tgsigqueueinfo, getpid(), (pid_t)syscall(SYS_gettid), number, info) != 0) raise(number);
    errno = error;
}

static void install(void) {
    static int is_installed;
    if (is_installed) return;
    is_installed = 1;
    // A stack that is full is a reason to die; somebody else may have thought of that.
    stack_t other;
    if (sigaltstack(NULL, &other) == 0 && (other.ss_flags & SS_DISABLE)) {
        stack_t own = {.ss_sp = stack, .ss_size = sizeof stack};
        sigaltstack(&own, NULL);
    }
    struct sigaction action = {.sa_sigaction = died, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
    sigfillset(&action.sa_mask);
    for (int index = 0; index < fatal_count; index++) sigaction(fatal[index], &action, &before[index]);
    atexit(restore);
}

int qp_terminal_remember(int descriptor) {
    if (tcgetattr(descriptor, &modes) != 0) return errno;
    terminal = descriptor;
    return 0;
}

void qp_terminal_arm(const void *octets, size_t count) {
    if (terminal < 0 || atomic_load(&is_armed)) return;
    reset_count = count < sizeof reset ? count : sizeof reset;
    memcpy(reset, octets, reset_count);
    install();
    atomic_store(&is_armed, 1);
}

void qp_terminal_disarm(void) { atomic_store(&is_armed, 0); }

int qp_terminal_size(int descriptor, int *columns, int *rows) {
    struct winsize size;
    if (ioctl(descriptor, TIOCGWINSZ, &size) != 0) return errno;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return 0;
}

int qp_readable_octets(int descriptor) {
    int count = 0;
    return ioctl(descriptor, FIONREAD, &count) == 0 ? count : -1;
}
