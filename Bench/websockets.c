// WebSocket messages there and back: the upstream that echoes them, and the clients that send them. What wrk and
// h2load do not offer. The clients print what Bench/bench reads of wrk's.
//
//     websockets echo PORT
//     websockets PORT HOST PATH CONNECTIONS OCTETS SECONDS
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROOM = 16384, MOST = 125, CONNECTIONS = 1024 };
static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};

struct side {
    int fd, open;
    size_t have;
    unsigned char in[ROOM];
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static struct sockaddr_in at(const char *port) {
    return (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void quick(int fd) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

// Small messages on an empty socket always fit: a short write is a fault of the bench.
static int say(int fd, const void *octets, size_t count) { return write(fd, octets, count) == (ssize_t)count; }

// Reads what there is; 0 at the end or when there is no room left.
static int take(struct side *s) {
    ssize_t n = read(s->fd, s->in + s->have, ROOM - s->have);
    if (n < 0 && errno == EAGAIN) return 1;
    if (n <= 0) return 0;
    s->have += n;
    return 1;
}

static void drop(struct side *s, size_t count) { memmove(s->in, s->in + count, s->have -= count); }

static size_t head_end(const struct side *s) {
    const unsigned char *end = memmem(s->in, s->have, "\r\n\r\n", 4);
    return end ? (size_t)(end - s->in) + 4 : 0;
}

// MARK: the upstream

// RFC 6455 section 4.2.2.
static int accept_upgrade(struct side *s) {
    size_t end = head_end(s);
    if (!end) return 1;
    char key[61] = "", answer[256];
    s->in[end - 1] = 0;
    const char *field = strcasestr((char *)s->in, "\nsec-websocket-key:");
    if (!field || sscanf(field + 19, " %24s", key) != 1) return 0;
    strcat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    unsigned char digest[20], text[32];
    SHA1((unsigned char *)key, strlen(key), digest);
    EVP_EncodeBlock(text, digest, 20);
    int count = snprintf(answer, sizeof answer,
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n", text);
    drop(s, end);
    s->open = 1;
    return say(s->fd, answer, count);
}

// Sends back each whole frame, unmasked.
static int echo(struct side *s) {
    while (s->have >= 2 && s->have >= (size_t)6 + (s->in[1] & 127)) {
        unsigned char out[2 + MOST];
        size_t count = s->in[1] & 127;
        if (s->in[0] != 0x82 || !(s->in[1] & 128) || count > MOST) return 0;
        out[0] = 0x82, out[1] = count;
        for (size_t i = 0; i < count; i++) out[2 + i] = s->in[6 + i] ^ s->in[2 + i % 4];
        drop(s, 6 + count);
        if (!say(s->fd, out, 2 + count)) return 0;
    }
    return 1;
}

static int serve(const char *port) {
    struct sockaddr_in here = at(port);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, loop = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&here, sizeof here) || listen(listener, 1024)) return perror("listen"), 1;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        for (int i = 0, n = epoll_wait(loop, events, 256, -1); i < n; i++) {
            struct side *s = events[i].data.ptr;
            for (int fd; !s && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                struct side *made = calloc(1, sizeof *made);
                quick(made->fd = fd);
                struct epoll_event c = {.events = EPOLLIN, .data.ptr = made};
                epoll_ctl(loop, EPOLL_CTL_ADD, fd, &c);
            }
            if (s && (!take(s) || !(s->open ? echo(s) : accept_upgrade(s)))) close(s->fd), free(s);
        }
    }
}

// MARK: the clients

static int greet(struct side *s, const struct sockaddr_in *there, const char *host, const char *path) {
    char asked[512];
    int count = snprintf(asked, sizeof asked,
        "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path, host);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    quick(s->fd);
    if (connect(s->fd, (void *)there, sizeof *there) || !say(s->fd, asked, count)) return 0;
    while (!head_end(s)) if (!take(s)) return 0;
    if (memcmp(s->in, "HTTP/1.1 101", 12)) return 0;
    drop(s, head_end(s));
    return fcntl(s->fd, F_SETFL, O_NONBLOCK) == 0;
}

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    if (argc == 3 && !strcmp(argv[1], "echo")) return serve(argv[2]);
    if (argc != 7) return 2;
    int count = atoi(argv[4]), octets = atoi(argv[5]), loop = epoll_create1(0);
    double seconds = atoi(argv[6]);
    if (count < 1 || count > CONNECTIONS || octets < 1 || octets > MOST || seconds < 1) return 2;
    static struct side sides[CONNECTIONS];
    unsigned char sent[6 + MOST], awaited[2 + MOST];
    sent[0] = awaited[0] = 0x82, sent[1] = 128 | octets, awaited[1] = octets;
    memcpy(sent + 2, mask, 4);
    for (int i = 0; i < octets; i++) awaited[2 + i] = 'a' + i % 26, sent[6 + i] = awaited[2 + i] ^ mask[i % 4];
    struct sockaddr_in there = at(argv[1]);
    long whole = 0, failed = 0, open = 0;
    for (int i = 0; i < count; i++) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = &sides[i]};
        if (!greet(&sides[i], &there, argv[2], argv[3]) || epoll_ctl(loop, EPOLL_CTL_ADD, sides[i].fd, &e) ||
            !say(sides[i].fd, sent, 6 + octets)) failed++, close(sides[i].fd);
        else open++;
    }
    double began = now(), ends = began + seconds;
    while (open && now() < ends) {
        struct epoll_event events[256];
        for (int i = 0, n = epoll_wait(loop, events, 256, 100); i < n; i++) {
            struct side *s = events[i].data.ptr;
            int good = take(s);
            while (good && s->have >= (size_t)2 + octets) {
                good = !memcmp(s->in, awaited, 2 + octets);
                drop(s, 2 + octets);
                if (good) whole++, good = say(s->fd, sent, 6 + octets);
            }
            if (!good) failed++, open--, close(s->fd);
        }
    }
    double took = now() - began;
    printf("%ld requests in %.2fs\nRequests/sec: %.2f\n", whole, took, whole / took);
    if (failed) printf("Non-2xx or 3xx responses: %ld\n", failed);
    return 0;
}
