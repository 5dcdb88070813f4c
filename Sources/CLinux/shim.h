// What Swift cannot import from Linux as it stands: calls behind _GNU_SOURCE, variadic calls, the
// packed epoll_event, and one thread-local pointer. Each is a single call; no logic lives here.
#pragma once

#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// The loop that runs on this thread, unretained; null on every other thread. Weak, so that each
// object file that inlines the accessors below shares the one definition.
__attribute__((weak)) _Thread_local const void *linux_loop_of_this_thread = 0;

static inline const void *linux_current_loop(void) { return linux_loop_of_this_thread; }
static inline void linux_set_current_loop(const void *loop) { linux_loop_of_this_thread = loop; }

// --- epoll: the event is a packed struct with a union, so its parts are read and written here.

static inline int linux_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

static inline int linux_epoll_add(int epoll, int descriptor, uint32_t events, uint64_t data) {
    struct epoll_event event = {.events = events, .data = {.u64 = data}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
}

static inline int linux_epoll_delete(int epoll, int descriptor) {
    struct epoll_event event = {0};
    return epoll_ctl(epoll, EPOLL_CTL_DEL, descriptor, &event);
}

static inline size_t linux_epoll_event_size(void) { return sizeof(struct epoll_event); }

// `events` has room for `count` of the size above.
static inline int linux_epoll_wait(int epoll, void *events, int count, int milliseconds) {
    return (int)syscall(SYS_epoll_pwait, epoll, events, count, milliseconds, (void *)0, (size_t)0);
}

static inline uint64_t linux_epoll_data(const void *events, int index) {
    return ((const struct epoll_event *)events)[index].data.u64;
}

static inline uint32_t linux_epoll_events(const void *events, int index) {
    return ((const struct epoll_event *)events)[index].events;
}

static const uint32_t linux_epollin = EPOLLIN;
static const uint32_t linux_epollout = EPOLLOUT;
static const uint32_t linux_epollrdhup = EPOLLRDHUP;
static const uint32_t linux_epollerr = EPOLLERR;
static const uint32_t linux_epollhup = EPOLLHUP;
static const uint32_t linux_epollet = EPOLLET;
static const uint32_t linux_epollexclusive = EPOLLEXCLUSIVE;

static inline int linux_eventfd(void) { return eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC); }

// --- sockets. The library's send(2) and recv(2) are places where a thread may be cancelled: among several
// threads each marks that by two atomic operations (measured: 1.4 % of what a request costs). No thread of
// ours is ever cancelled, so these, and epoll_wait(2) above, go to the kernel without.

static inline ssize_t linux_send(int socket, const void *octets, size_t count, int flags) {
    return syscall(SYS_sendto, socket, octets, count, flags, (void *)0, (socklen_t)0);
}

static inline ssize_t linux_receive(int socket, void *octets, size_t count, int flags) {
    return syscall(SYS_recvfrom, socket, octets, count, flags, (void *)0, (socklen_t *)0);
}

static inline ssize_t linux_send_message(int socket, const struct msghdr *message, int flags) {
    return syscall(SYS_sendmsg, socket, message, flags);
}

static inline int linux_accept(int listening, struct sockaddr_storage *peer, socklen_t *size) {
    extern int accept4(int, struct sockaddr *, socklen_t *, int);
    return accept4(listening, (struct sockaddr *)peer, size, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static inline int linux_stream_socket(int family) {
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

// --- pipes: splice(2) is behind _GNU_SOURCE, and fcntl(2) is variadic.

static inline int linux_pipe(int ends[2]) {
    extern int pipe2(int[2], int);
    return pipe2(ends, O_CLOEXEC | O_NONBLOCK);
}

static inline int linux_set_pipe_size(int end, int octets) {
    return fcntl(end, 1031 /* F_SETPIPE_SZ */, octets);
}

static inline ssize_t linux_splice(int from, int to, size_t octets) {
    extern ssize_t splice(int, __off64_t *, int, __off64_t *, size_t, unsigned);
    return splice(from, 0, to, 0, octets, 1 | 2 /* SPLICE_F_MOVE | SPLICE_F_NONBLOCK */);
}

// getaddrinfo's results behind _GNU_SOURCE: the name is there, but without addresses (of the family).
static const int linux_eai_nodata = -5;
static const int linux_eai_addrfamily = -9;

// --- threads and processes

static inline int linux_name_this_thread(const char *name) {
    extern int pthread_setname_np(pthread_t, const char *);
    return pthread_setname_np(pthread_self(), name);
}

// Masks are bit arrays of unsigned long, 1024 processors: what glibc's cpu_set_t is.
enum { linux_processors_max = 1024 };

static inline int linux_pin_this_thread(int processor) {
    unsigned long mask[linux_processors_max / (8 * sizeof(unsigned long))] = {0};
    if (processor < 0 || processor >= linux_processors_max) return -1;
    mask[processor / (8 * sizeof(unsigned long))] |=
        1UL << (processor % (8 * sizeof(unsigned long)));
    return (int)syscall(SYS_sched_setaffinity, 0, sizeof mask, mask);
}

// How many processors this process may run on; -1 with errno.
static inline int linux_processors_allowed(void) {
    unsigned long mask[linux_processors_max / (8 * sizeof(unsigned long))] = {0};
    long octets = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
    if (octets < 0) return -1;
    int count = 0;
    for (size_t i = 0; i < sizeof mask / sizeof mask[0]; i++)
        count += __builtin_popcountl(mask[i]);
    return count;
}

static inline int linux_refuse_dumps(void) { return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }

static inline int linux_get_descriptor_limit(struct rlimit *limit) {
    return getrlimit(RLIMIT_NOFILE, limit);
}
static inline int linux_set_descriptor_limit(const struct rlimit *limit) {
    return setrlimit(RLIMIT_NOFILE, limit);
}
static inline int linux_set_core_limit(const struct rlimit *limit) {
    return setrlimit(RLIMIT_CORE, limit);
}

// --- files and messages

static inline int linux_open(const char *path, int flags, mode_t mode) {
    return open(path, flags | O_CLOEXEC, mode);
}

static inline int linux_fstat_mode(int descriptor, uint32_t *mode, int64_t *octets) {
    struct stat found;
    int result = fstat(descriptor, &found);
    if (result == 0) { *mode = found.st_mode; *octets = found.st_size; }
    return result;
}

// A static sentence for an errno ("Connection refused"), or null for a number it does not know.
static inline const char *linux_error_sentence(int code) {
    extern const char *strerrordesc_np(int);
    return strerrordesc_np(code);
}
