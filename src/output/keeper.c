/* SPDX-License-Identifier: Apache-2.0
 * keeper.c - forking, waiting, and forking again.
 */
#define _GNU_SOURCE /* close_range() */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "delivery.h"
#include "limits.h"
#include "log.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 30000, LOOK_MS = 20, END_MS = 2000 };

struct keeper {
    struct channel *const *channels;
    size_t count;
    pid_t pid;
    int line; /* to the keeper: closed when it shall end */
    bool dead;
};

struct seat {  /* in the keeper's process */
    pid_t pid; /* 0: none */
    int64_t start_at_ns;
    unsigned pause_ms;
};

/* --- a sender's process --- */

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

static void close_all_but(int *keep, size_t count)
{
    qsort(keep, count, sizeof *keep, compare);
    unsigned from = STDERR_FILENO + 1;
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < (int)from)
            continue;
        if ((unsigned)keep[i] > from)
            (void)close_range(from, (unsigned)keep[i] - 1, 0);
        from = (unsigned)keep[i] + 1;
    }
    (void)close_range(from, ~0u, 0);
}

static void to_null(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
}

static void name_process(const char *name)
{
    char text[16];
    (void)snprintf(text, sizeof text, "tap:%s", name);
    (void)prctl(PR_SET_NAME, text);
}

__attribute__((noreturn)) static void be_sender(struct channel *channel, pid_t keeper)
{
    int keep[] = { channel->wake, channel->room, spool_lock_fd(channel->spool) };
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != keeper)
        _exit(EXIT_FAILURE);
    signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    to_null(STDIN_FILENO);
    if (strcmp(channel->spec->door->kind, "-") != 0)
        to_null(STDOUT_FILENO);
    close_all_but(keep, sizeof keep / sizeof keep[0]);
    name_process(channel->spec->door->kind);
    log_set_name(channel->spec->name);
    _exit(delivery_run(channel) ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* --- the keeper's process --- */

static void no_op(int number) { (void)number; }

static void start_sender(struct channel *channel, struct seat *seat)
{
    pid_t self = getpid(), pid = fork();
    if (pid == 0)
        be_sender(channel, self);
    seat->pid = pid > 0 ? pid : 0;
    if (pid < 0)
        seat->start_at_ns = channel_now_ns() + PAUSE_MOST_MS * NS_PER_MS;
}

static void note_end(struct channel *channel, struct seat *seat, int status)
{
    bool good = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
    seat->pid = 0;
    seat->start_at_ns = INT64_MAX;
    if (good)
        return;
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL; /* that is nobody's fault */
    if (killed || atomic_fetch_add(&channel->shared->crashes, 1) == 0)
        seat->pause_ms = PAUSE_FIRST_MS;
    atomic_fetch_add(&channel->shared->restarts, 1);
    log_error("%s: its process ended unexpectedly (%s %d) and is started again",
              channel->spec->name, WIFSIGNALED(status) ? "signal" : "status",
              WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    seat->start_at_ns = channel_now_ns() + seat->pause_ms * NS_PER_MS;
    seat->pause_ms = seat->pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : seat->pause_ms * 2;
}

static void reap(const struct keeper *keeper, struct seat *seats)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        for (size_t i = 0; i < keeper->count; i++)
            if (seats[i].pid == pid)
                note_end(keeper->channels[i], &seats[i], status);
}

static int start_due(const struct keeper *keeper, struct seat *seats)
{
    int64_t now = channel_now_ns(), next = INT64_MAX;
    for (size_t i = 0; i < keeper->count; i++) {
        if (seats[i].pid == 0 && seats[i].start_at_ns <= now)
            start_sender(keeper->channels[i], &seats[i]);
        if (seats[i].pid == 0 && seats[i].start_at_ns < next)
            next = seats[i].start_at_ns;
    }
    int64_t ms = next == INT64_MAX ? -1 : (next - now) / NS_PER_MS + 1;
    return ms > PAUSE_MOST_MS ? PAUSE_MOST_MS : (int)ms;
}

__attribute__((noreturn)) static void be_keeper(const struct keeper *keeper, int line)
{
    struct seat *seats = calloc(keeper->count, sizeof *seats);
    int keep[3 * LIMIT_OUTPUTS + 1] = { line };
    size_t kept = 1;
    sigset_t child, none;
    /* What ends the program ends us by its line; a signal to the whole group must not be faster. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    struct sigaction action = { .sa_handler = no_op };
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&none);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, &none);
    bool standard = false;
    for (size_t i = 0; i < keeper->count && kept + 3 <= sizeof keep / sizeof keep[0]; i++) {
        keep[kept++] = keeper->channels[i]->wake;
        keep[kept++] = keeper->channels[i]->room;
        keep[kept++] = spool_lock_fd(keeper->channels[i]->spool);
        standard = standard || strcmp(keeper->channels[i]->spec->door->kind, "-") == 0;
    }
    to_null(STDIN_FILENO);
    if (!standard)
        to_null(STDOUT_FILENO);
    close_all_but(keep, kept);
    name_process("outputs");
    for (size_t i = 0; seats != NULL && i < keeper->count; i++)
        seats[i].pause_ms = PAUSE_FIRST_MS;
    while (seats != NULL) {
        reap(keeper, seats);
        int ms = start_due(keeper, seats);
        struct timespec limit = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };
        struct pollfd poll_line = { .fd = line, .events = POLLIN };
        if (ppoll(&poll_line, 1, ms < 0 ? NULL : &limit, &none) > 0)
            break; /* closed: the program ended them, or is gone itself */
    }
    for (size_t i = 0; seats != NULL && i < keeper->count; i++)
        if (seats[i].pid > 0)
            kill(seats[i].pid, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    _exit(EXIT_SUCCESS);
}

/* --- the program's side --- */

struct keeper *keeper_start(struct channel *const *channels, size_t count)
{
    int line[2];
    struct keeper *keeper = calloc(1, sizeof *keeper);
    if (keeper == NULL || pipe2(line, O_CLOEXEC) != 0) {
        log_error("outputs: cannot be started: %s", strerror(errno));
        free(keeper);
        return NULL;
    }
    keeper->channels = channels;
    keeper->count = count;
    keeper->line = line[1];
    for (size_t i = 0; i < count; i++)
        channels[i]->keeper = keeper;
    (void)fflush(NULL); /* or both would write what lies in the buffers */
    keeper->pid = fork();
    if (keeper->pid == 0)
        be_keeper(keeper, line[0]);
    close(line[0]);
    if (keeper->pid > 0)
        return keeper;
    log_error("outputs: no process for them: %s", strerror(errno));
    close(line[1]);
    free(keeper);
    return NULL;
}

bool keeper_is_alive(struct keeper *keeper)
{
    if (!keeper->dead && waitpid(keeper->pid, NULL, WNOHANG) == keeper->pid) {
        keeper->dead = true;
        log_error("outputs: the process that keeps them was killed; nothing is delivered any more");
        for (size_t i = 0; i < keeper->count; i++)
            atomic_store(&keeper->channels[i]->orphaned, true);
    }
    return !keeper->dead;
}

struct progress { /* of a channel at the end */
    uint64_t delivered;
    int64_t since_ns;
};

static bool is_drained(const struct channel *channel, struct progress *progress)
{
    uint64_t delivered =
        atomic_load(&channel->shared->delivered) + atomic_load(&channel->shared->refused);
    int64_t now = channel_now_ns();
    if (!channel->lossy && delivered != progress->delivered)
        progress->since_ns = now;
    progress->delivered = delivered;
    return atomic_load(&channel->shared->over) ||
           now - progress->since_ns >= (int64_t)channel->spec->drain_s * NS_PER_S;
}

static void drain(struct keeper *keeper)
{
    struct progress *progress = calloc(keeper->count, sizeof *progress);
    for (size_t i = 0; i < keeper->count; i++) {
        atomic_store(&keeper->channels[i]->shared->closing, true);
        channel_poke(keeper->channels[i]->wake);
        if (progress != NULL)
            progress[i].since_ns = channel_now_ns();
    }
    bool waiting = progress != NULL;
    while (waiting && keeper_is_alive(keeper)) {
        waiting = false;
        for (size_t i = 0; i < keeper->count; i++)
            waiting = !is_drained(keeper->channels[i], &progress[i]) || waiting;
        if (waiting)
            (void)poll(NULL, 0, LOOK_MS);
    }
    free(progress);
}

void keeper_end(struct keeper *keeper)
{
    if (keeper == NULL)
        return;
    drain(keeper);
    close(keeper->line);
    for (int ms = 0; !keeper->dead && ms < END_MS; ms += LOOK_MS) {
        if (waitpid(keeper->pid, NULL, WNOHANG) != 0)
            keeper->dead = true;
        else
            (void)poll(NULL, 0, LOOK_MS);
    }
    if (!keeper->dead) {
        kill(keeper->pid, SIGKILL); /* its senders end with it */
        (void)waitpid(keeper->pid, NULL, 0);
    }
    for (size_t i = 0; i < keeper->count; i++)
        keeper->channels[i]->keeper = NULL;
    free(keeper);
}
