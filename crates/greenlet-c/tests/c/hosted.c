/* The platform of programs under an operating system. The timer is one of the process: its signal is the interrupt. */
#define _XOPEN_SOURCE 700
#include "board.h"
#include "check.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

void put(const char *text) { fputs(text, stdout); }
void leave(int status) {
    fflush(stdout);
    _Exit(status);
}
void greenlet_panic(const char *message, size_t length) {
    printf("panic: %.*s\n", (int)length, message);
    leave(101);
}

uint64_t ticks(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
void set_timer(uint64_t at) {
    uint64_t now = ticks(), microseconds = at <= now ? 1 : (at - now) / 1000 + 1;
    struct itimerval timer = { { 0, 0 }, { 0, 0 } };
    if (at != UINT64_MAX) {
        timer.it_value.tv_sec = (time_t)(microseconds / 1000000);
        timer.it_value.tv_usec = (suseconds_t)(microseconds % 1000000);
    }
    setitimer(ITIMER_REAL, &timer, NULL);
}
bool mask_interrupts(bool masked) {
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    sigprocmask(masked ? SIG_BLOCK : SIG_UNBLOCK, &alarm, NULL);
    return false;
}
void idle(bool (*ask)(void *asked), void *asked, void *context) {
    sigset_t usual;
    (void)context;
    mask_interrupts(true);
    sigprocmask(SIG_BLOCK, NULL, &usual);
    sigdelset(&usual, SIGALRM);
    if (ask(asked)) sigsuspend(&usual);
    mask_interrupts(false);
}
static void handler(int number) {
    (void)number;
    on_timer();
}
int main(void) {
    struct sigaction action;
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGALRM, &action, NULL);
    return run();
}
