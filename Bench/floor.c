/* The floor: what the kernel alone costs a proxy. One epoll thread, edge triggered, registered once, no parsing, one
   upstream connection for each client connection, a 64 KiB buffer. Usage: floor LISTEN-PORT UPSTREAM-PORT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct side { int fd, ended; struct side *peer, *next_dead; char *pending; size_t from, to; };
static char buffer[65536];
static struct side *dead;
static int loop;

static struct sockaddr_in at(const char *port) {
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(atoi(port)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void finish(struct side *s) {                 /* closes both; freed when the turn is over */
    for (struct side *each = s->fd < 0 ? NULL : s; each; each = each == s ? s->peer : NULL)
        close(each->fd), each->fd = -1, each->next_dead = dead, dead = each;
}

static int flush(struct side *s) {                   /* 0 when nothing is left to write to s */
    while (s->from < s->to) {
        ssize_t n = write(s->fd, s->pending + s->from, s->to - s->from);
        if (n < 0) { if (errno != EAGAIN) finish(s); return 1; }
        s->from += n;
    }
    return 0;
}

static void pump(struct side *s) {                   /* from s to its peer, until one of them would block */
    struct side *out = s->peer;
    while (s->fd >= 0 && !s->ended && out->from == out->to) {
        ssize_t n = read(s->fd, buffer, sizeof buffer);
        if (n < 0) { if (errno != EAGAIN) finish(s); return; }
        if (n == 0) { s->ended = 1; if (out->ended) finish(s); else shutdown(out->fd, SHUT_WR); return; }
        ssize_t sent = write(out->fd, buffer, n);
        if (sent < 0 && errno != EAGAIN) { finish(s); return; }
        if (sent < 0) sent = 0;
        if (sent < n) {
            if (!out->pending) out->pending = malloc(sizeof buffer);
            memcpy(out->pending, buffer + sent, n - sent);
            out->from = 0, out->to = n - sent;
            return;
        }
        if (n < (ssize_t)sizeof buffer) return;      /* what comes later is an event of its own */
    }
}

static void watch(struct side *s, int fd, struct side *peer) {
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    s->fd = fd, s->peer = peer;
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = s };
    epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e);
}

int main(int count, char **arguments) {
    if (count != 3) return fprintf(stderr, "floor LISTEN-PORT UPSTREAM-PORT\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in here = at(arguments[1]), there = at(arguments[2]);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&here, sizeof here) || listen(listener, 1024)) return perror("listen"), 1;
    loop = epoll_create1(0);
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL }, events[256];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        for (int i = 0, n = epoll_wait(loop, events, 256, -1); i < n; i++) {
            struct side *s = events[i].data.ptr;
            for (int fd; !s && (fd = accept(listener, NULL, NULL)) >= 0;) {
                int up = socket(AF_INET, SOCK_STREAM, 0);
                if (connect(up, (void *)&there, sizeof there)) { close(up), close(fd); continue; }
                struct side *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
                watch(a, fd, b), watch(b, up, a);
            }
            if (s && s->fd >= 0 && events[i].events & EPOLLOUT && s->from < s->to && !flush(s)) pump(s->peer);
            if (s && s->fd >= 0 && events[i].events & ~EPOLLOUT) pump(s);
        }
        for (struct side *s; (s = dead);) dead = s->next_dead, free(s->pending), free(s);
    }
}
