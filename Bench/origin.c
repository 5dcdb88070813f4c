/* The upstream of the bench: answers GET /SIZE with so many octets, keep-alive, one epoll thread, edge triggered.
   It reads nothing of a request but its path and where it ends. Usage: origin PORT */
#define _GNU_SOURCE
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
#include <sys/uio.h>
#include <unistd.h>

enum { IN = 32768, BODY = 1 << 20 };
struct client { int fd; size_t have, head_at, head_size; unsigned long body_left; char in[IN], head[128]; };
static char body[BODY];

/* Writes what is owed; 0 when all of it has gone. */
static int flush(struct client *c) {
    while (c->head_at < c->head_size || c->body_left) {
        struct iovec parts[2] = {
            { c->head + c->head_at, c->head_size - c->head_at },
            { body, c->body_left < BODY ? c->body_left : BODY },
        };
        ssize_t n = writev(c->fd, parts, 2);
        if (n < 0) return 1;
        size_t head = c->head_size - c->head_at, of_head = (size_t)n < head ? (size_t)n : head;
        c->head_at += of_head;
        c->body_left -= n - of_head;
    }
    return 0;
}

/* Answers what has arrived whole; whether the client goes on. */
static int serve(struct client *c) {
    for (;;) {
        if (flush(c)) return errno == EAGAIN;
        char *end = c->have ? memmem(c->in, c->have, "\r\n\r\n", 4) : NULL;
        if (end) {
            unsigned long size = strtoul(memchr(c->in, '/', c->have) + 1, NULL, 10);
            c->head_size = sprintf(c->head, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %lu\r\n\r\n", size);
            c->head_at = 0, c->body_left = size;
            size_t used = end + 4 - c->in;
            memmove(c->in, c->in + used, c->have -= used);
            continue;
        }
        if (c->have == IN) return 0;
        ssize_t n = read(c->fd, c->in + c->have, IN - c->have);
        if (n < 0) return errno == EAGAIN;
        if (n == 0) return 0;
        c->have += n;
    }
}

int main(int count, char **arguments) {
    if (count != 2) return fprintf(stderr, "origin PORT\n"), 2;
    signal(SIGPIPE, SIG_IGN);
    memset(body, 'x', sizeof body);
    struct sockaddr_in here = { .sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, loop = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (void *)&here, sizeof here) || listen(listener, 1024)) return perror("listen"), 1;
    struct epoll_event e = { .events = EPOLLIN, .data.ptr = NULL }, events[256];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int n = epoll_wait(loop, events, 256, -1);
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (c) {
                if (!serve(c)) close(c->fd), free(c);
                continue;
            }
            for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                c = calloc(1, sizeof *c);
                c->fd = fd;
                e = (struct epoll_event){ .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c };
                epoll_ctl(loop, EPOLL_CTL_ADD, fd, &e);
            }
        }
    }
}
