// load.c
//
// An SMTP load generator for measurements: one thread, epoll, 127.0.0.1 only.
//
//   cc -O2 -o load load.c
//   load MODE -p PORT [-s sessions] [-n total] [-b octets] [-k messages] [-g] [-t seconds] [-w seconds]
//
// MODE says what a session does after EHLO, and what is counted:
//
//   conn   QUIT at once                                        connections
//   one    one message, then QUIT                              messages
//   kept   message after message, a round trip per command     messages
//   pipe   message after message, MAIL, RCPT, DATA in one go   messages
//   rset   RSET in bursts of 50                                commands
//   idle   nothing, until standard input ends or -t is over    sessions held
//   lat    RSET every 2 ms; the time to its reply              replies
//
//   -s  sessions at the same time (20)
//   -n  how many in all (1000); not for idle and lat
//   -b  octets of a message, dot and its CRLF not counted (1000)
//   -k  messages of a session before QUIT and a new one, 0: no limit (0); kept and pipe
//   -g  gather: all sessions get through EHLO, {"gathered":N} is printed, and a line on standard input starts the work
//   -t  seconds that idle and lat last (10)
//   -w  seconds without any reply after which it gives up (30)
//
// Prints one line of JSON. Exit status: 0 done, 1 trouble on this side, 2 an unexpected reply, 3 no progress,
// 4 the server closed early.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum mode { CONN, ONE, KEPT, PIPE, RSET, IDLE, LAT, MODES };
static const char *const mode_names[MODES] = {"conn", "one", "kept", "pipe", "rset", "idle", "lat"};

// What the session waits for.
enum step { GREETING, EHLO, MAIL, RCPT, DATA, BODY, RSETS, RESTING, QUIT, GONE };
static const char *const step_names[] = {"greeting", "EHLO", "MAIL", "RCPT", "DATA", "final dot", "RSET", "rest",
                                         "QUIT", "end"};

enum { IN_SIZE = 2048, BURST = 50, HANDSHAKES = 100, EVENTS = 256, PROBE_PAUSE_US = 2000 };

struct session {
    int fd;
    enum step step;
    int expected;         // replies of a burst that are still to come
    long messages;        // sent in this session
    double clock;         // lat: when the RSET left, or when the next one is due
    const char *out;      // what is still to be written
    size_t out_left;
    bool wants_write;
    size_t in_used;
    char in[IN_SIZE];
};

static struct {
    enum mode mode;
    int port;
    int sessions;
    long total;
    size_t octets;
    long per_session;
    bool gather;
    double seconds;
    double patience;
} plan = {.sessions = 20, .total = 1000, .octets = 1000, .seconds = 10, .patience = 30};

static int poller;
static long started, done;   // of what the mode counts
static int handshakes;       // sessions without a greeting yet
static int live;             // sessions that have not ended
static int gathered;         // sessions that wait for the others
static char *message;
static size_t message_size;
static char burst[BURST * 6];
static float *samples;
static size_t sample_count, sample_room;

static const char ehlo[] = "EHLO load.example\r\n";
static const char mail[] = "MAIL FROM:<sender@load.example>\r\n";
static const char rcpt[] = "RCPT TO:<user@example.com>\r\n";
static const char data[] = "DATA\r\n";
static const char envelope[] = "MAIL FROM:<sender@load.example>\r\nRCPT TO:<user@example.com>\r\nDATA\r\n";
static const char rset[] = "RSET\r\n";
static const char quit[] = "QUIT\r\n";

static void __attribute__((noreturn, format(printf, 2, 3))) stop(int status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("load: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(status);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void watch(struct session *s, int operation, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = s};
    if (epoll_ctl(poller, operation, s->fd, &event) < 0) stop(1, "epoll_ctl: %s", strerror(errno));
}

static void begin(struct session *s)
{
    memset(s, 0, offsetof(struct session, in));
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (s->fd < 0) stop(1, "socket: %s", strerror(errno));
    int yes = 1;
    setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(s->fd, (struct sockaddr *)&address, sizeof address) < 0 && errno != EINPROGRESS)
        stop(1, "connect: %s", strerror(errno));
    s->step = GREETING;
    handshakes++;
    live++;
    watch(s, EPOLL_CTL_ADD, EPOLLIN);
}

static void write_on(struct session *s)
{
    while (s->out_left > 0) {
        ssize_t n = send(s->fd, s->out, s->out_left, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n < 0) stop(4, "the server closed after %s: %s", step_names[s->step], strerror(errno));
        s->out += n;
        s->out_left -= (size_t)n;
    }
    bool wants = s->out_left > 0;
    if (wants != s->wants_write) {
        s->wants_write = wants;
        watch(s, EPOLL_CTL_MOD, wants ? EPOLLIN | EPOLLOUT : EPOLLIN);
    }
}

static void say(struct session *s, enum step next, const char *text, size_t size)
{
    if (s->out_left > 0) stop(1, "a reply came before the command was sent");
    s->step = next;
    s->out = text;
    s->out_left = size;
    write_on(s);
}

#define SAY(session, next, text) say(session, next, text, sizeof text - 1)

// The next piece of work of a session that has nothing to wait for.
static void proceed(struct session *s)
{
    if (plan.gather) {
        s->step = RESTING;
        gathered++;
        return;
    }
    bool full = plan.per_session > 0 && s->messages >= plan.per_session;
    switch (plan.mode) {
    case CONN:
        SAY(s, QUIT, quit);
        break;
    case ONE:
        if (s->messages++ == 0) SAY(s, MAIL, mail);
        else SAY(s, QUIT, quit);
        break;
    case KEPT:
    case PIPE:
        if (started >= plan.total || full) {
            SAY(s, QUIT, quit);
        } else {
            started++;
            s->messages++;
            if (plan.mode == KEPT) SAY(s, MAIL, mail);
            else SAY(s, MAIL, envelope);
        }
        break;
    case RSET:
        if (started >= plan.total) {
            SAY(s, QUIT, quit);
        } else {
            long left = plan.total - started;
            s->expected = left < BURST ? (int)left : BURST;
            started += s->expected;
            say(s, RSETS, burst, (size_t)s->expected * (sizeof rset - 1));
        }
        break;
    case IDLE:
        done++;
        s->step = RESTING;
        break;
    case LAT:
        s->step = RESTING;
        s->clock = now() + PROBE_PAUSE_US / 1e6;
        break;
    case MODES:
        break;
    }
}

static void sample(double seconds)
{
    if (sample_count == sample_room) {
        sample_room = sample_room ? sample_room * 2 : 65536;
        samples = realloc(samples, sample_room * sizeof *samples);
        if (!samples) stop(1, "out of memory");
    }
    samples[sample_count++] = (float)(seconds * 1e6);
}

static void replied(struct session *s)
{
    switch (s->step) {
    case GREETING:
        handshakes--;
        SAY(s, EHLO, ehlo);
        break;
    case EHLO:
        proceed(s);
        break;
    case MAIL:
        if (plan.mode == PIPE) s->step = RCPT;
        else SAY(s, RCPT, rcpt);
        break;
    case RCPT:
        if (plan.mode == PIPE) s->step = DATA;
        else SAY(s, DATA, data);
        break;
    case DATA:
        say(s, BODY, message, message_size);
        break;
    case BODY:
        done++;
        proceed(s);
        break;
    case RSETS:
        done++;
        if (plan.mode == LAT) {
            sample(now() - s->clock);
            proceed(s);
        } else if (--s->expected == 0) {
            proceed(s);
        }
        break;
    case QUIT:
        if (plan.mode == CONN) done++;
        s->step = GONE;
        break;
    case RESTING:
    case GONE:
        stop(2, "a reply to nothing: %.*s", (int)strcspn(s->in, "\r\n"), s->in);
    }
}

// Opens sessions as long as there is work for them and not too many handshakes are under way.
static void fill(struct session *all, int *opened)
{
    while (*opened < plan.sessions && handshakes < HANDSHAKES) {
        if (plan.mode != IDLE && plan.mode != LAT && started >= plan.total) return;
        if (plan.mode == CONN || plan.mode == ONE) started++;
        begin(&all[(*opened)++]);
    }
}

static void ended(struct session *s)
{
    if (s->step != GONE) stop(4, "the server closed while %s was awaited (%ld done)", step_names[s->step], done);
    close(s->fd);
    s->fd = -1;
    live--;
    if (plan.mode == IDLE || plan.mode == LAT || plan.mode == RSET || started >= plan.total) return;
    if (plan.mode == CONN || plan.mode == ONE) started++;
    begin(s);
}

static void readable(struct session *s)
{
    for (;;) {
        ssize_t n = recv(s->fd, s->in + s->in_used, IN_SIZE - s->in_used, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) return;
        if (n <= 0) return ended(s);
        s->in_used += (size_t)n;

        char *line = s->in, *end = s->in + s->in_used, *feed;
        while ((feed = memchr(line, '\n', (size_t)(end - line)))) {
            if (feed - line < 4) stop(2, "a reply of %d octets", (int)(feed - line));
            char class = s->step == DATA ? '3' : '2';
            if (line[0] != class) stop(2, "after %s: %.*s", step_names[s->step], (int)strcspn(line, "\r\n"), line);
            bool last = line[3] != '-';
            line = feed + 1;
            if (last) replied(s);
        }
        s->in_used = (size_t)(end - line);
        if (s->in_used == IN_SIZE) stop(2, "a reply line that does not end");
        memmove(s->in, line, s->in_used);
        if ((size_t)n < IN_SIZE / 2 && s->step != GONE) return;
    }
}

static void write_message(void)
{
    static const char header[] =
        "From: Sender <sender@load.example>\r\n"
        "To: User <user@example.com>\r\n"
        "Subject: a message to be measured\r\n"
        "Date: Thu, 01 Jan 2026 12:00:00 +0000\r\n"
        "Message-Id: <0000.load@load.example>\r\n"
        "\r\n";
    static const char text[] = "All work and no rest: the line is as long as lines of mail often are.\r\n";
    size_t head = sizeof header - 1, line = sizeof text - 1;
    if (plan.octets < head + 2) plan.octets = head + 2;
    message = malloc(plan.octets + 8);
    if (!message) stop(1, "out of memory");
    memcpy(message, header, head);
    size_t used = head;
    while (used + line <= plan.octets) {
        memcpy(message + used, text, line);
        used += line;
    }
    while (used + 2 < plan.octets) message[used++] = 'x';
    if (message[used - 1] != '\n') used += (size_t)sprintf(message + used, "\r\n");
    used += (size_t)sprintf(message + used, ".\r\n");
    message_size = used;
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void report(double seconds)
{
    const char *name = mode_names[plan.mode];
    if (plan.mode == LAT) {
        if (sample_count == 0) stop(3, "no reply in %.0f s", plan.seconds);
        qsort(samples, sample_count, sizeof *samples, by_value);
        printf("{\"mode\":\"lat\",\"count\":%zu,\"p50_us\":%.0f,\"p99_us\":%.0f,\"p999_us\":%.0f,\"max_us\":%.0f}\n",
               sample_count, (double)samples[sample_count / 2], (double)samples[sample_count * 99 / 100],
               (double)samples[sample_count * 999 / 1000], (double)samples[sample_count - 1]);
    } else {
        printf("{\"mode\":\"%s\",\"count\":%ld,\"seconds\":%.3f,\"rate\":%.0f}\n", name, done, seconds,
               (double)done / seconds);
    }
    fflush(stdout);
}

static bool finished(double end)
{
    switch (plan.mode) {
    case IDLE: return done >= plan.sessions;
    case LAT: return now() >= end;
    default: return done >= plan.total && live == 0;
    }
}

static void probe(struct session *all, int opened)
{
    double time = now();
    for (int i = 0; i < opened; i++) {
        struct session *s = &all[i];
        if (s->step != RESTING || s->clock > time) continue;
        s->clock = now();
        SAY(s, RSETS, rset);
    }
}

// Waits for the end of standard input, so that whoever started this decides.
static void hold(void)
{
    double end = now() + plan.seconds;
    while (now() < end) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        char bin[64];
        if (poll(&input, 1, 200) > 0 && read(STDIN_FILENO, bin, sizeof bin) <= 0) return;
    }
}

// All sessions are there: tells whoever started this, and sets them to work at the word.
static void release(struct session *all)
{
    printf("{\"gathered\":%d}\n", gathered);
    fflush(stdout);
    char line[64];
    if (!fgets(line, sizeof line, stdin)) stop(1, "standard input ended before the work began");
    plan.gather = false;
    for (int i = 0; i < plan.sessions; i++) proceed(&all[i]);
}

static void run(void)
{
    struct session *all = calloc((size_t)plan.sessions, sizeof *all);
    if (!all) stop(1, "out of memory");
    poller = epoll_create1(EPOLL_CLOEXEC);
    int opened = 0;
    double begun = now(), end = begun + plan.seconds, last = begun;
    struct epoll_event events[EVENTS];
    while (!finished(end)) {
        fill(all, &opened);
        int n = epoll_wait(poller, events, EVENTS, plan.mode == LAT ? 1 : 500);
        if (n < 0 && errno != EINTR) stop(1, "epoll_wait: %s", strerror(errno));
        if (n > 0) last = now();
        else if (now() - last > plan.patience) stop(3, "no reply for %.0f s (%ld done)", plan.patience, done);
        for (int i = 0; i < n; i++) {
            struct session *s = events[i].data.ptr;
            if (s->fd >= 0 && events[i].events & EPOLLOUT) write_on(s);
            if (s->fd >= 0 && events[i].events & ~(uint32_t)EPOLLOUT) readable(s);
        }
        if (plan.gather && gathered == plan.sessions) {
            release(all);
            begun = last = now();
        }
        if (plan.mode == LAT) probe(all, opened);
    }
    report(now() - begun);
    if (plan.mode == IDLE) hold();
}

int main(int count, char **words)
{
    if (count < 2) stop(1, "which mode?");
    for (plan.mode = CONN; plan.mode < MODES; plan.mode++)
        if (!strcmp(words[1], mode_names[plan.mode])) break;
    if (plan.mode == MODES) stop(1, "unknown mode %s", words[1]);

    optind = 2;
    for (int option; (option = getopt(count, words, "p:s:n:b:k:gt:w:")) != -1;) {
        switch (option) {
        case 'p': plan.port = atoi(optarg); break;
        case 's': plan.sessions = atoi(optarg); break;
        case 'n': plan.total = atol(optarg); break;
        case 'b': plan.octets = (size_t)strtoull(optarg, NULL, 10); break;
        case 'k': plan.per_session = atol(optarg); break;
        case 'g': plan.gather = true; break;
        case 't': plan.seconds = atof(optarg); break;
        case 'w': plan.patience = atof(optarg); break;
        default: stop(1, "see the head of load.c");
        }
    }
    if (plan.port < 1 || plan.port > 65535) stop(1, "-p PORT is missing");
    if (plan.sessions < 1 || plan.total < 1) stop(1, "-s and -n must be at least 1");
    if (plan.octets > (size_t)1 << 30) stop(1, "-b is more than 1 GB");

    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        setrlimit(RLIMIT_NOFILE, &files);
        if (files.rlim_max < (rlim_t)plan.sessions + 16) stop(1, "more sessions than descriptors");
    }
    for (size_t i = 0; i < BURST; i++) memcpy(burst + i * (sizeof rset - 1), rset, sizeof rset - 1);
    write_message();
    run();
    return 0;
}
