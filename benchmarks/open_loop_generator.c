/* The sender of the open loop: requests go out when they are due, over connections that are kept.
 *
 *   open_loop_generator PORT READY-CONNECTIONS MOST-CONNECTIONS DRAIN-SECONDS
 *
 * stdin:  uint64 bytes of the message, the message, uint64 requests, double[requests]: when each is due, ascending, in
 *         seconds from the begin, all in the machine's own order of bytes.
 * stdout: double[requests]: when each was sent, double[requests]: when its answer was whole (NaN: never),
 *         int32[requests]: its status (0: not answered, -1: the connection broke), uint64: connections that were open at
 *         most, double: CPU seconds that all of it took.
 *
 * One thread, epoll, and as many connections as it takes, up to a limit; beyond it requests wait here, and that counts too.
 * In C because it shares the cores with what it measures: a request costs it what the kernel takes and hardly more. For the
 * same reason it does not wake up for each request and each answer where there are many, but every 0.2 ms: at 9,000 a
 * second the server was interrupted twice for each of them. Latencies and delays count that too.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#define EVENTS 256
#define HEAD_MAX 65536
#define READ_BYTES 65536
#define READY_SECONDS 2.0
#define SETTLE_SECONDS 0.5
#define NICE -10
#define TICK_SECONDS 0.0002
#define TICKED_RATE 2500.0  /* requests a second */

typedef struct {
    int fd;           /* -1: closed */
    uint32_t life;    /* which connection in this place it is: events of those before are not its own */
    bool connected;
    int64_t request;  /* which one it waits for; -1: none */
    char *received;
    size_t length, capacity;
} Connection;

typedef struct { int status; bool whole, stays, broken; } Answer;

static struct sockaddr_in address;
static int epoll;
static char *message;
static uint64_t message_bytes, requests, answered;
static double *due, *sent, *ended, begin;
static int32_t *status;
static Connection *connections;
static int *idle, *vacant;  /* stacks of indices into connections */
static bool ticked;
static int most, idle_count, vacant_count, open_count;
static uint64_t most_open;
static uint64_t *waiting, first_waiting, last_waiting;  /* requests for which there was no connection */

static void fail(const char *what) {
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

static double clock_of(clockid_t which) {
    struct timespec now;
    clock_gettime(which, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double now(void) { return clock_of(CLOCK_MONOTONIC) - begin; }

static void *room_for(size_t count, size_t size) {
    void *room = calloc(count ? count : 1, size);
    if (!room) fail("memory");
    return room;
}

static void read_all(void *to, size_t bytes) {
    if (bytes && fread(to, bytes, 1, stdin) != 1) fail("stdin");
}

/* --- connections */

static uint64_t name_of(int which) { return (uint64_t)connections[which].life << 32 | (uint32_t)which; }

static int open_connection(void) {
    int which = vacant[--vacant_count], one = 1;
    Connection *c = &connections[which];
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (c->fd < 0) fail("socket");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* What comes of it epoll tells, but not that no port or memory of ours is left for it. */
    if (connect(c->fd, (struct sockaddr *)&address, sizeof address) && errno != EINPROGRESS && errno != ECONNREFUSED)
        fail("connect");
    c->life++;
    c->connected = false;
    c->request = -1;
    c->length = 0;
    struct epoll_event wanted = {.events = EPOLLIN | EPOLLOUT, .data.u64 = name_of(which)};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &wanted)) fail("epoll_ctl");
    if ((uint64_t)++open_count > most_open) most_open = (uint64_t)open_count;
    return which;
}

static void drop(int which) {
    close(connections[which].fd);
    connections[which].fd = -1;
    open_count--;
    vacant[vacant_count++] = which;
    for (int at = 0; at < idle_count; at++)
        if (idle[at] == which) { idle[at] = idle[--idle_count]; break; }
}

static void finish(int64_t number, int32_t how) {
    if (number < 0) return;
    ended[number] = now();
    status[number] = how;
    answered++;
}

static void give_next(int which);

static void lose(int which) {
    int64_t number = connections[which].request;
    drop(which);
    finish(number, -1);
    if (first_waiting < last_waiting) give_next(-1);
}

static void send_now(int which, uint64_t number) {
    Connection *c = &connections[which];
    c->request = (int64_t)number;
    sent[number] = now();
    ssize_t count = send(c->fd, message, message_bytes, MSG_NOSIGNAL);
    if (count == (ssize_t)message_bytes) return;
    if (count >= 0 || errno == EAGAIN) {
        fprintf(stderr, "a message of %zu bytes does not fit into the socket at once\n", (size_t)message_bytes);
        exit(1);
    }
    lose(which);
}

static void send_or_wait(uint64_t number) {
    if (idle_count) send_now(idle[--idle_count], number);
    else if (open_count < most) connections[open_connection()].request = (int64_t)number;
    else waiting[last_waiting++] = number;
}

/* `which` is free (-1: some connection has gone): who has waited longest takes its place. */
static void give_next(int which) {
    if (first_waiting == last_waiting) {
        if (which >= 0) idle[idle_count++] = which;
        return;
    }
    uint64_t number = waiting[first_waiting++];
    if (which >= 0) send_now(which, number);
    else send_or_wait(number);
}

/* --- answers */

/* The value of a header, or NULL; names in small letters. The head ends at `end`, behind its last line's end. */
static const char *header(const char *head, const char *end, const char *name) {
    size_t length = strlen(name);
    for (const char *line = memchr(head, '\n', (size_t)(end - head)); line && ++line < end;
         line = memchr(line, '\n', (size_t)(end - line)))
        if ((size_t)(end - line) > length && !strncasecmp(line, name, length) && line[length] == ':') {
            for (line += length + 1; *line == ' ';) line++;
            return line;
        }
    return NULL;
}

static Answer parse(const char *received, size_t length) {
    Answer answer = {0};
    const char *blank = memmem(received, length, "\r\n\r\n", 4);
    if (!blank) {
        answer.broken = length > HEAD_MAX;
        return answer;
    }
    const char *body = blank + 4, *value;
    size_t there = length - (size_t)(body - received);
    if (body - received < 16 || memcmp(received, "HTTP/1.", 7) || (answer.status = atoi(received + 9)) < 100) {
        answer.broken = true;
        return answer;
    }
    value = header(received, body, "connection");
    answer.stays = !value || strncasecmp(value, "close", 5);
    if ((value = header(received, body, "content-length"))) answer.whole = there >= strtoull(value, NULL, 10);
    else if ((value = header(received, body, "transfer-encoding")) && !strncasecmp(value, "chunked", 7))
        answer.whole = length >= 7 && !memcmp(received + length - 7, "\r\n0\r\n\r\n", 7);
    else answer.broken = true;  /* nothing says where it ends */
    return answer;
}

static void hear(int which) {
    Connection *c = &connections[which];
    if (c->capacity < c->length + READ_BYTES) {
        c->capacity = c->length + READ_BYTES;
        if (!(c->received = realloc(c->received, c->capacity + 1))) fail("memory");
    }
    ssize_t count = recv(c->fd, c->received + c->length, READ_BYTES, 0);
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0 || c->request < 0) { lose(which); return; }  /* nobody has asked for what it says */
    c->length += (size_t)count;
    c->received[c->length] = 0;
    Answer answer = parse(c->received, c->length);
    if (answer.broken) { lose(which); return; }
    if (!answer.whole) return;
    c->length = 0;
    finish(c->request, answer.status);
    c->request = -1;
    if (!answer.stays) drop(which);
    give_next(answer.stays ? which : -1);
}

/* It is connected, or could not be. */
static void greet(int which) {
    Connection *c = &connections[which];
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size) || error) { lose(which); return; }
    c->connected = true;
    struct epoll_event wanted = {.events = EPOLLIN, .data.u64 = name_of(which)};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &wanted)) fail("epoll_ctl");
    if (c->request >= 0) send_now(which, (uint64_t)c->request);
    else give_next(which);
}

static struct timespec interval(double seconds) {
    return (struct timespec){.tv_sec = (time_t)seconds, .tv_nsec = (long)(fmod(seconds, 1.0) * 1e9)};
}

static void wait_for(double seconds) {
    if (ticked) {
        struct timespec tick = interval(TICK_SECONDS);
        nanosleep(&tick, NULL);
    } else if (seconds > 0) {
        /* epoll's own timeout counts milliseconds; this one nanoseconds, and takes the epoll for a file. */
        struct timespec timeout = interval(seconds);
        fd_set watched;
        FD_ZERO(&watched);
        FD_SET(epoll, &watched);
        if (pselect(epoll + 1, &watched, NULL, NULL, &timeout, NULL) <= 0) return;
    }
    struct epoll_event events[EVENTS];
    int count = epoll_wait(epoll, events, EVENTS, 0);
    for (int at = 0; at < count; at++) {
        int which = (int)(uint32_t)events[at].data.u64;
        if (connections[which].fd < 0 || name_of(which) != events[at].data.u64) continue;  /* gone since */
        if (events[at].events & EPOLLOUT && !connections[which].connected) greet(which);
        else hear(which);
    }
}

int main(int count, char **arguments) {
    if (count != 5) { fprintf(stderr, "four arguments: see the source\n"); return 2; }
    int ready = atoi(arguments[2]);
    double drain_seconds = atof(arguments[4]);
    most = atoi(arguments[3]);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)atoi(arguments[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    read_all(&message_bytes, sizeof message_bytes);
    message = room_for(message_bytes, 1);
    read_all(message, message_bytes);
    read_all(&requests, sizeof requests);
    due = room_for(requests, sizeof *due);
    sent = room_for(requests, sizeof *sent);
    ended = room_for(requests, sizeof *ended);
    status = room_for(requests, sizeof *status);
    waiting = room_for(requests, sizeof *waiting);
    read_all(due, requests * sizeof *due);
    for (uint64_t number = 0; number < requests; number++) sent[number] = ended[number] = NAN;
    connections = room_for((size_t)most, sizeof *connections);
    idle = room_for((size_t)most, sizeof *idle);
    vacant = room_for((size_t)most, sizeof *vacant);
    for (int which = most; which--;) { connections[which].fd = -1; vacant[vacant_count++] = which; }
    if ((epoll = epoll_create1(0)) < 0) fail("epoll_create1");

    /* What measures goes before what is measured, where the system lets it: else its own waiting is taken for the
     * server's, and by priority alone it waits for the scheduler's next tick. And the kernel may wake a sleeper 50 µs late
     * unless it is told not to. */
    struct sched_param first = {.sched_priority = 1};
    if (sched_setscheduler(0, SCHED_FIFO, &first)) setpriority(PRIO_PROCESS, 0, NICE);
    prctl(PR_SET_TIMERSLACK, 1UL);

    double cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID);
    for (int number = 0; number < ready && number < most; number++) open_connection();
    for (double until = clock_of(CLOCK_MONOTONIC) + READY_SECONDS;
         idle_count < open_count && clock_of(CLOCK_MONOTONIC) < until;)
        wait_for(0.05);
    /* A connection is there for its caller before the server has taken it out of the kernel's queue. */
    if (open_count) {
        struct timespec settle = interval(SETTLE_SECONDS);
        nanosleep(&settle, NULL);
    }

    begin = clock_of(CLOCK_MONOTONIC) + 0.01;
    ticked = requests && (double)requests > TICKED_RATE * due[requests - 1];
    double limit = (requests ? due[requests - 1] : 0.0) + drain_seconds;
    uint64_t number = 0;
    while (answered < requests) {
        double time = now();
        if (time > limit) break;
        for (; number < requests && due[number] <= time; time = now()) send_or_wait(number++);
        double until = number < requests ? due[number] : limit;
        wait_for(until > time ? until - time : 0.0);
    }
    cpu = clock_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    if ((requests && (fwrite(sent, sizeof *sent, requests, stdout) != requests ||
                      fwrite(ended, sizeof *ended, requests, stdout) != requests ||
                      fwrite(status, sizeof *status, requests, stdout) != requests)) ||
        fwrite(&most_open, sizeof most_open, 1, stdout) != 1 || fwrite(&cpu, sizeof cpu, 1, stdout) != 1 || fflush(stdout))
        fail("stdout");
    return 0;
}
