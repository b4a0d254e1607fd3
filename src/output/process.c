/* SPDX-License-Identifier: Apache-2.0
 * process.c - see process.h; capabilities(7) by the system call, which needs no library.
 */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

/* --- descriptors --- */

static int compare(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Kernels before 5.9, and sandboxes that know no newer call, have only the slow way. */
static void close_from_to(unsigned from, unsigned to)
{
    if (close_range(from, to, 0) == 0)
        return;
    long most = sysconf(_SC_OPEN_MAX);
    for (; from <= to && (long)from < most; from++)
        close((int)from);
}

void process_close_all_but(int *keep, size_t count)
{
    qsort(keep, count, sizeof *keep, compare);
    unsigned from = STDERR_FILENO + 1;
    for (size_t i = 0; i < count; i++) {
        if (keep[i] < (int)from)
            continue;
        if ((unsigned)keep[i] > from)
            close_from_to(from, (unsigned)keep[i] - 1);
        from = (unsigned)keep[i] + 1;
    }
    close_from_to(from, ~0u);
}

void process_to_null(int fd)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0)
        (void)dup2(null, fd);
    if (null > STDERR_FILENO)
        close(null);
}

void process_end_with(pid_t parent)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_FAILURE);
}

void process_name(const char *name)
{
    char text[16];
    (void)snprintf(text, sizeof text, "tap:%s", name);
    (void)prctl(PR_SET_NAME, text);
}

/* --- rights --- */

#define BIT(capability) (UINT64_C(1) << (capability))
/* What lets root open files of others: keys and folders that an operator gave another owner. */
#define FILES (BIT(CAP_DAC_OVERRIDE) | BIT(CAP_DAC_READ_SEARCH))
#define USERS (BIT(CAP_SETUID) | BIT(CAP_SETGID))

static void keep_capabilities(uint64_t kept)
{
    struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { 0 };
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capget, &head, data) != 0)
        return;
    for (size_t i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
        data[i].permitted &= (uint32_t)(kept >> 32 * i);
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    (void)syscall(SYS_capset, &head, data); /* giving up is always allowed */
}

void process_limit(enum process_rights rights, bool changes_user)
{
    uint64_t kept = FILES | (changes_user ? USERS : 0);
    struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };
    if (rights == PROCESS_KEEPER)
        kept |= BIT(CAP_KILL);
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &none);
    keep_capabilities(kept);
}

bool process_user_find(struct process_user *user, const char *name, char *why, size_t why_size)
{
    errno = 0;
    const struct passwd *entry = getpwnam(name);
    if (entry == NULL) {
        (void)snprintf(why, why_size, "there is no user \"%.64s\"", name);
        return false;
    }
    user->uid = entry->pw_uid;
    user->gid = entry->pw_gid;
    int count = LIMIT_USER_GROUPS;
    if (getgrouplist(name, entry->pw_gid, user->groups, &count) < 0) {
        (void)snprintf(why, why_size, "\"%.64s\" is in more than %d groups", name,
                       LIMIT_USER_GROUPS);
        return false;
    }
    user->group_count = (size_t)count;
    if (user->uid == geteuid() || geteuid() == 0)
        return true;
    (void)snprintf(why, why_size, "only root can change to the user \"%.64s\"", name);
    return false;
}

/* libc does it for every thread; with the user root's capabilities go too. */
bool process_become(const struct process_user *user)
{
    pid_t parent = getppid();
    if (user->uid == geteuid())
        return true;
    if (setgroups(user->group_count, user->groups) == 0 &&
        setresgid(user->gid, user->gid, user->gid) == 0 &&
        setresuid(user->uid, user->uid, user->uid) == 0 &&
        (user->uid == 0 || setresuid(0, 0, 0) != 0)) {
        keep_capabilities(0);
        process_end_with(parent);
        return true;
    }
    log_error("the user cannot be changed: %s", strerror(errno));
    return false;
}
