// CLinuxShims.h
//
// What Swift's view of the C library lacks: variadic functions, fork, and headers outside its module map.

#pragma once

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Starts a detached thread; 0, or the error's number.
int qp_start_thread(void *(*run)(void *), void *argument);

/// What an error number means; never null, never freed.
const char *qp_error_text(int number);

/// getrandom(2) without flags.
ssize_t qp_getrandom(void *buffer, size_t count);

/// A close-on-exec, non-blocking eventfd.
int qp_eventfd(void);

/// A close-on-exec signalfd.
int qp_signalfd(const sigset_t *signals);

/// The next signal of a signalfd; 0 if there is none, -1 on error.
int qp_signalfd_next(int descriptor);

/// Whether a signal that is blocked waits for this process.
int qp_signal_waits(int number);

/// A descriptor that becomes readable when the process ends; -1 if the kernel has none.
int qp_pidfd_open(pid_t process);

/// Both ends close-on-exec; the parent's ends are made non-blocking by the caller.
int qp_pipe(int descriptors[2]);

/// The name that top and the debugger show for the calling thread.
void qp_name_thread(const char *name);

/// openlog(3) with LOG_PID; the name is kept.
void qp_openlog(const char *name, int facility);

/// syslog(3) with a fixed format.
void qp_syslog(int priority, const char *text);

/// Goes on in a child process in a session of its own, with standard streams on the null device; the parent ends.
/// Returns 0 in the child, -1 in the parent if there is no child.
int qp_detach(void);

/// What the child of qp_spawn gets.
struct qp_spawn_settings {
    char *const *arguments;
    char *const *environment;
    int input;
    int output;
    /// Standard error; -1: the null device.
    int errors;
    /// Seconds of processor time; 0: no limit.
    uint64_t cpu_seconds;
    /// Octets a file may grow to; 0: no limit.
    uint64_t file_size;
};

/// Starts a program in a process group of its own, with no signal blocked, standard error on the null device and no
/// other descriptor open. Returns 0 or the error's number.
int qp_spawn(pid_t *process, const struct qp_spawn_settings *settings);

/// Gives memory that the C library keeps for later back to the system. May take some milliseconds.
void qp_trim_memory(void);

/// How a process ended: its exit status, or 128 and the signal's number.
int qp_exit_status(int status);

/// Remembers the modes of a terminal, before somebody changes them. Returns 0 or the error's number.
int qp_terminal_remember(int descriptor);

/// From now on, a process that crashes or calls exit(3) sends these octets to that terminal first, up to 512 of them,
/// and gives it back its modes. A crash still ends as it would have.
void qp_terminal_arm(const void *octets, size_t count);

/// There is nothing to be brought back any more.
void qp_terminal_disarm(void);

/// How large a terminal is. Returns 0 or the error's number.
int qp_terminal_size(int descriptor, int *columns, int *rows);

/// Octets that can be read without waiting; -1 if nobody knows.
int qp_readable_octets(int descriptor);
