/* Preloaded into a gateway built with AddressSanitizer: on SIGUSR2 it looks for leaks while the gateway serves.

   At its end a process may leave what it pleases, and two objects that hold each other until then are no leak. What
   nothing reaches while it serves, at rest after the load, is one. Each time one is planted: a report without it shows
   that nothing was looked for. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* Out of reach once it returns, and of what it left on the stack once something else was called. */
__attribute__((noinline)) static void planted_leak(void) {
    for (int i = 0; i < 8; i++) *(volatile char *)malloc(4242) = 1;
}

static void *wait_for_signals(void *set) {
    for (int got; !sigwait(set, &got);) {
        planted_leak();
        __lsan_do_recoverable_leak_check();
    }
    return NULL;
}

/* Before any other thread starts, so that all inherit the mask and the signal waits for this one. */
__attribute__((constructor)) static void start(void) {
    static sigset_t set;
    pthread_t thread;
    if (!__lsan_do_recoverable_leak_check) return;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    pthread_create(&thread, NULL, wait_for_signals, &set);
}
