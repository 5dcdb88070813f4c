// Connections that each make a full TLS handshake, ask once and are closed: what `wrk` does not offer, since
// it resumes its sessions. Prints what Bench/bench reads of wrk's.
//
//     handshakes PORT HOST PATH THREADS SECONDS
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in address;
static SSL_CTX *context;
static char asked[1024];
static double ends;

struct counts {
    long whole, failed;
};

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

// Whether a 200 came, whole as far as close_notify says, over a handshake of its own.
static int visit(void) {
    int number = socket(AF_INET, SOCK_STREAM, 0), one = 1, good = 0;
    if (number < 0) return 0;
    setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    // The side that closes first would fill the ports with TIME_WAIT.
    setsockopt(number, SOL_SOCKET, SO_LINGER, &(struct linger){1, 0}, sizeof(struct linger));
    SSL *connection = SSL_new(context);
    SSL_set_fd(connection, number);
    SSL_set_tlsext_host_name(connection, "localhost");
    if (connect(number, (struct sockaddr *)&address, sizeof address) == 0 && SSL_connect(connection) == 1 &&
        !SSL_session_reused(connection) && SSL_write(connection, asked, (int)strlen(asked)) > 0) {
        char room[16384];
        int count = SSL_read(connection, room, sizeof room), all = count;
        good = count > 12 && memcmp(room, "HTTP/1.1 200", 12) == 0;
        while ((count = SSL_read(connection, room, sizeof room)) > 0) all += count;
        good = good && SSL_get_error(connection, count) == SSL_ERROR_ZERO_RETURN && all > 1024;
    }
    SSL_free(connection);
    close(number);
    return good;
}

static void *work(void *argument) {
    struct counts *counts = argument;
    while (now() < ends) {
        if (visit()) counts->whole++;
        else counts->failed++;
    }
    return NULL;
}

int main(int argc, char **argv) {
    if (argc != 6) return 2;
    int threads = atoi(argv[4]), seconds = atoi(argv[5]);
    if (threads < 1 || threads > 64) return 2;
    signal(SIGPIPE, SIG_IGN);
    address.sin_family = AF_INET;
    address.sin_port = htons(atoi(argv[1]));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    snprintf(asked, sizeof asked, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", argv[3], argv[2]);
    context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    struct counts counts[64] = {{0, 0}};
    pthread_t all[64];
    double began = now();
    ends = began + seconds;
    for (int i = 0; i < threads; i++) pthread_create(&all[i], NULL, work, &counts[i]);
    long whole = 0, failed = 0;
    for (int i = 0; i < threads; i++) {
        pthread_join(all[i], NULL);
        whole += counts[i].whole;
        failed += counts[i].failed;
    }
    printf("%ld requests in %.1fs\n", whole, now() - began);
    if (failed) printf("Socket errors: connect 0, read %ld, write 0, timeout 0\n", failed);
    printf("Requests/sec: %.1f\n", whole / (now() - began));
    return 0;
}
