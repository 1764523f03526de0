// shims.c
//
// What Swift's view of the C library lacks.

#define _GNU_SOURCE
#include "CLinuxShims.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <spawn.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

const char *qp_error_text(int number) {
    // strerror(3) writes to a buffer that threads share.
    const char *text = strerrordesc_np(number);
    return text ? text : "unknown error";
}

ssize_t qp_getrandom(void *buffer, size_t count) { return getrandom(buffer, count, 0); }

int qp_eventfd(void) { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }

int qp_signalfd(const sigset_t *signals) { return signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK); }

int qp_signalfd_next(int descriptor) {
    struct signalfd_siginfo info;
    ssize_t count;
    do {
        count = read(descriptor, &info, sizeof info);
    } while (count < 0 && errno == EINTR);
    if (count == (ssize_t)sizeof info) return (int)info.ssi_signo;
    return count < 0 && errno != EAGAIN ? -1 : 0;
}

int qp_signal_waits(int number) {
    sigset_t waiting;
    return sigpending(&waiting) == 0 && sigismember(&waiting, number) == 1;
}

int qp_pidfd_open(pid_t process) {
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, process, 0);
#else
    (void)process;
    errno = ENOSYS;
    return -1;
#endif
}

int qp_pipe(int descriptors[2]) { return pipe2(descriptors, O_CLOEXEC); }

void qp_name_thread(const char *name) {
    char shortened[16];
    strncpy(shortened, name, sizeof shortened - 1);
    shortened[sizeof shortened - 1] = 0;
    pthread_setname_np(pthread_self(), shortened);
}

void qp_openlog(const char *name, int facility) {
    // openlog keeps the pointer, not the text.
    static char kept[64];
    closelog();
    strncpy(kept, name, sizeof kept - 1);
    openlog(kept, LOG_PID, facility);
}

void qp_syslog(int priority, const char *text) { syslog(priority, "%s", text); }

int qp_detach(void) {
    pid_t child = fork();
    if (child < 0) return -1;
    if (child > 0) _exit(0);
    if (setsid() < 0) return -1;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0) return -1;
    // dup2 clears close-on-exec, except where it has nothing to do.
    for (int stream = 0; stream <= 2; stream++) {
        if (null == stream) fcntl(null, F_SETFD, 0);
        else if (dup2(null, stream) < 0) return -1;
    }
    if (null > 2) close(null);
    return 0;
}

static void limit(pid_t process, int resource, uint64_t value) {
    struct rlimit both = {value, value};
    prlimit(process, (enum __rlimit_resource)resource, &both, NULL);
}

static int streams(posix_spawn_file_actions_t *actions, const struct qp_spawn_settings *settings) {
    int error = posix_spawn_file_actions_adddup2(actions, settings->input, 0);
    if (error == 0) error = posix_spawn_file_actions_adddup2(actions, settings->output, 1);
    if (error == 0)
        error = settings->errors < 0 ? posix_spawn_file_actions_addopen(actions, 2, "/dev/null", O_WRONLY, 0)
                                     : posix_spawn_file_actions_adddup2(actions, settings->errors, 2);
    if (error == 0) error = posix_spawn_file_actions_addclosefrom_np(actions, 3);
    return error;
}

static int attributes(posix_spawnattr_t *attributes) {
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_setsigmask(attributes, &none);
    if (error == 0) error = posix_spawnattr_setsigdefault(attributes, &all);
    if (error == 0) error = posix_spawnattr_setpgroup(attributes, 0);
    if (error == 0)
        error = posix_spawnattr_setflags(
            attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    return error;
}

int qp_spawn(pid_t *process, const struct qp_spawn_settings *settings) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attribute;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0) return error;
    error = posix_spawnattr_init(&attribute);
    if (error != 0) {
        posix_spawn_file_actions_destroy(&actions);
        return error;
    }
    error = streams(&actions, settings);
    if (error == 0) error = attributes(&attribute);
    if (error == 0)
        error = posix_spawn(
            process, settings->arguments[0], &actions, &attribute, settings->arguments, settings->environment);
    if (error == 0) {
        limit(*process, RLIMIT_CORE, 0);
        if (settings->cpu_seconds > 0) limit(*process, RLIMIT_CPU, settings->cpu_seconds);
        if (settings->file_size > 0) limit(*process, RLIMIT_FSIZE, settings->file_size);
    }
    posix_spawnattr_destroy(&attribute);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

void qp_trim_memory(void) { malloc_trim(0); }

int qp_exit_status(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

int qp_start_thread(void *(*run)(void *), void *argument) {
    pthread_t thread;
    pthread_attr_t attributes;
    int error = pthread_attr_init(&attributes);
    if (error != 0) return error;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    error = pthread_create(&thread, &attributes, run, argument);
    pthread_attr_destroy(&attributes);
    return error;
}
