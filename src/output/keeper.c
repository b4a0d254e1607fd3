/* SPDX-License-Identifier: Apache-2.0
 * keeper.c - forking, waiting, and forking again.
 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "delivery.h"
#include "limits.h"
#include "log.h"
#include "process.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 30000, LOOK_MS = 20, END_MS = 2000 };
enum { TAKE_OVER_MS = 100, SPARE_PAUSE_MS = 1000 };

struct keeper_shared {         /* between the processes */
    _Atomic int keeper, spare; /* process numbers; 0: none */
};

struct keeper {
    struct channel *const *channels;
    size_t count;
    struct keeper_shared *shared;
    int line;  /* the program's end: closed when all shall end. Theirs is `end` */
    int end;   /* in the keeper and the spare */
    int alive; /* hung up when neither a keeper nor a spare is left. Their end is `life` */
    int life;
    bool dead;
};

struct seat {  /* of a sender, in the keeper's process */
    pid_t pid; /* 0: none */
    int64_t start_at_ns;
    unsigned pause_ms;
};

struct spare { /* in the keeper's process */
    pid_t pid; /* 0: none */
    int line;  /* closed by our death: then it takes over */
    int64_t start_at_ns;
};

/* --- a sender's process --- */

/* Of a keeper that was killed the sender may live for a moment more; a spool has one reader only.
 * The system lets go of the lock when its owner is gone. */
static void become_reader(struct channel_shared *shared)
{
    if (pthread_mutex_lock(&shared->reader) == EOWNERDEAD)
        (void)pthread_mutex_consistent(&shared->reader);
}

__attribute__((noreturn)) static void be_sender(struct channel *channel, pid_t keeper)
{
    int keep[] = { channel->wake, channel->room, spool_lock_fd(channel->spool) };
    process_end_with(keeper);
    signal(SIGCHLD, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    process_to_null(STDIN_FILENO);
    if (strcmp(channel->spec->door->kind, "-") != 0)
        process_to_null(STDOUT_FILENO);
    process_close_all_but(keep, sizeof keep / sizeof keep[0]);
    process_name(channel->spec->door->kind);
    log_set_name(channel->spec->name);
    process_limit(PROCESS_SENDER, channel->user != NULL);
    become_reader(channel->shared);
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

static void reap(const struct keeper *keeper, struct seat *seats, struct spare *spare)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        for (size_t i = 0; i < keeper->count; i++)
            if (seats[i].pid == pid)
                note_end(keeper->channels[i], &seats[i], status);
        if (pid != spare->pid)
            continue;
        close(spare->line);
        *spare = (struct spare){ .start_at_ns = channel_now_ns() + SPARE_PAUSE_MS * NS_PER_MS };
    }
}

static int64_t start_due(const struct keeper *keeper, struct seat *seats, int64_t now)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < keeper->count; i++) {
        if (seats[i].pid == 0 && seats[i].start_at_ns <= now)
            start_sender(keeper->channels[i], &seats[i]);
        if (seats[i].pid == 0 && seats[i].start_at_ns < next)
            next = seats[i].start_at_ns;
    }
    return next;
}

/* Only the keeper, the spare and nobody else keep these open. */
static void close_others(const struct keeper *keeper, int more)
{
    int keep[3 * LIMIT_OUTPUTS + 3] = { keeper->end, keeper->life, more };
    size_t kept = 3;
    bool standard = false;
    for (size_t i = 0; i < keeper->count && kept + 3 <= sizeof keep / sizeof keep[0]; i++) {
        keep[kept++] = keeper->channels[i]->wake;
        keep[kept++] = keeper->channels[i]->room;
        keep[kept++] = spool_lock_fd(keeper->channels[i]->spool);
        standard = standard || strcmp(keeper->channels[i]->spec->door->kind, "-") == 0;
    }
    process_to_null(STDIN_FILENO);
    if (!standard)
        process_to_null(STDOUT_FILENO);
    process_close_all_but(keep, kept);
}

static bool is_hung_up(int fd, int ms)
{
    struct pollfd entry = { .fd = fd, .events = POLLIN };
    return poll(&entry, 1, ms) > 0;
}

/* In a spare: returns when it is the keeper. */
static void wait_for_turn(const struct keeper *keeper, int line)
{
    struct pollfd ends[] = { { .fd = keeper->end, .events = POLLIN },
                             { .fd = line, .events = POLLIN } };
    process_name("spare");
    while (poll(ends, 2, -1) <= 0)
        ;
    close(line);
    /* A keeper that comes to nothing time and again shall not cost all of a processor. */
    if (is_hung_up(keeper->end, TAKE_OVER_MS))
        _exit(EXIT_SUCCESS);
    atomic_store(&keeper->shared->keeper, getpid());
    atomic_store(&keeper->shared->spare, 0);
    log_error("outputs: the process that kept them was killed; another one took its place");
}

/* True: this is the new process, and its turn has come. */
static bool start_spare(const struct keeper *keeper, struct spare *spare)
{
    int line[2];
    spare->start_at_ns = channel_now_ns() + PAUSE_MOST_MS * NS_PER_MS;
    if (pipe2(line, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        close_others(keeper, line[0]);
        wait_for_turn(keeper, line[0]);
        return true;
    }
    close(line[0]);
    if (pid < 0) {
        close(line[1]);
        return false;
    }
    *spare = (struct spare){ .pid = pid, .line = line[1], .start_at_ns = INT64_MAX };
    atomic_store(&keeper->shared->spare, pid);
    return false;
}

/* All begins anew, but for senders that had no more to do. */
static void take_seats(const struct keeper *keeper, struct seat *seats, bool first)
{
    for (size_t i = 0; i < keeper->count; i++) {
        struct channel_shared *shared = keeper->channels[i]->shared;
        bool over = atomic_load(&shared->over);
        seats[i] = (struct seat){ .pause_ms = PAUSE_FIRST_MS, .start_at_ns = over ? INT64_MAX : 0 };
        if (!first && !over)
            atomic_fetch_add(&shared->restarts, 1);
    }
}

static void keep(const struct keeper *keeper, struct seat *seats)
{
    sigset_t none;
    sigemptyset(&none);
    struct spare spare = { .pid = 0 };
    process_name("outputs");
    take_seats(keeper, seats, true);
    for (;;) {
        reap(keeper, seats, &spare);
        int64_t now = channel_now_ns();
        if (spare.pid == 0 && spare.start_at_ns <= now && start_spare(keeper, &spare)) {
            spare = (struct spare){ .pid = 0 };
            process_name("outputs");
            take_seats(keeper, seats, false);
        }
        int64_t next = start_due(keeper, seats, now);
        if (spare.pid == 0 && spare.start_at_ns < next)
            next = spare.start_at_ns;
        int64_t left = next > now ? next - now : 0;
        left = left > PAUSE_MOST_MS * NS_PER_MS ? PAUSE_MOST_MS * NS_PER_MS : left;
        struct timespec limit = { .tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S };
        struct pollfd poll_line = { .fd = keeper->end, .events = POLLIN };
        if (ppoll(&poll_line, 1, &limit, &none) > 0)
            return; /* closed: the program ended them, or is gone itself */
    }
}

static bool changes_user(const struct keeper *keeper)
{
    bool changes = false;
    for (size_t i = 0; i < keeper->count; i++)
        changes = changes || keeper->channels[i]->user != NULL;
    return changes;
}

__attribute__((noreturn)) static void be_keeper(const struct keeper *keeper)
{
    struct seat *seats = calloc(keeper->count, sizeof *seats);
    sigset_t child;
    if (seats == NULL)
        _exit(EXIT_FAILURE);
    /* What ends the program ends us by its line; a signal to the whole group must not be faster. */
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    struct sigaction action = { .sa_handler = no_op };
    sigaction(SIGCHLD, &action, NULL);
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    close_others(keeper, -1);
    process_limit(PROCESS_KEEPER, changes_user(keeper));
    keep(keeper, seats);
    for (size_t i = 0; i < keeper->count; i++)
        if (seats[i].pid > 0)
            kill(seats[i].pid, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
    _exit(EXIT_SUCCESS);
}

/* --- the program's side --- */

static void keeper_free(struct keeper *keeper)
{
    for (size_t i = 0; i < keeper->count; i++)
        keeper->channels[i]->keeper = NULL;
    const int fds[] = { keeper->line, keeper->end, keeper->alive, keeper->life };
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (keeper->shared != NULL)
        munmap(keeper->shared, sizeof *keeper->shared);
    free(keeper);
}

static bool open_parts(struct keeper *keeper)
{
    int line[2], alive[2];
    void *shared = mmap(NULL, sizeof *keeper->shared, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return false;
    keeper->shared = shared;
    if (pipe2(line, O_CLOEXEC) != 0)
        return false;
    keeper->end = line[0];
    keeper->line = line[1];
    if (pipe2(alive, O_CLOEXEC) != 0)
        return false;
    keeper->alive = alive[0];
    keeper->life = alive[1];
    return true;
}

struct keeper *keeper_start(struct channel *const *channels, size_t count)
{
    struct keeper *keeper = calloc(1, sizeof *keeper);
    pid_t pid = -1;
    if (keeper == NULL) {
        log_error("outputs: out of memory");
        return NULL;
    }
    *keeper =
        (struct keeper){ .channels = channels, .line = -1, .end = -1, .alive = -1, .life = -1 };
    if (open_parts(keeper)) {
        (void)prctl(PR_SET_CHILD_SUBREAPER, 1); /* of a spare that took over we are the parent */
        (void)fflush(NULL);                     /* or both would write what lies in the buffers */
        keeper->count = count;
        pid = fork();
    }
    if (pid == 0)
        be_keeper(keeper);
    if (pid < 0) {
        log_error("outputs: no process for them: %s", strerror(errno));
        keeper_free(keeper);
        return NULL;
    }
    close(keeper->end);
    close(keeper->life);
    keeper->end = keeper->life = -1;
    int none = 0; /* a spare may have taken its place by now */
    (void)atomic_compare_exchange_strong(&keeper->shared->keeper, &none, pid);
    for (size_t i = 0; i < count; i++)
        channels[i]->keeper = keeper;
    return keeper;
}

static void reap_all(void)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ;
}

bool keeper_is_alive(struct keeper *keeper)
{
    reap_all();
    if (!keeper->dead && is_hung_up(keeper->alive, 0)) {
        keeper->dead = true;
        log_error("outputs: the processes that keep them were killed; nothing is delivered any "
                  "more");
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
    keeper->line = -1;
    bool ended = is_hung_up(keeper->alive, END_MS);
    for (int tries = 0; !ended && tries < 2; tries++) { /* stopped, say; their senders end too */
        const int pids[] = { atomic_load(&keeper->shared->spare),
                             atomic_load(&keeper->shared->keeper) };
        for (size_t i = 0; i < 2; i++)
            if (pids[i] > 0)
                kill(pids[i], SIGKILL);
        ended = is_hung_up(keeper->alive, END_MS);
    }
    reap_all();
    keeper_free(keeper);
}
