/* SPDX-License-Identifier: Apache-2.0
 * packet_socket.c - PACKET_FANOUT, SO_ATTACH_FILTER and SIOCGIFMTU.
 *
 * DEFRAG joins the fragments of IPv4 in the kernel, before the hash is taken; those of IPv6 are
 * hashed by their addresses alone and so stay together too.
 */
#include "packet_socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define SHARING (PACKET_FANOUT_HASH | PACKET_FANOUT_FLAG_DEFRAG)
#define GROUP_BITS 0xffffu
/* Of kernels before 4.11, which do not look for a free number themselves. */
#define GROUP_TRIES 64

static bool join(int socket, uint16_t group, unsigned flags)
{
    /* By unsigned: flags reach the sign bit. */
    unsigned word = group | flags << 16;
    return setsockopt(socket, SOL_PACKET, PACKET_FANOUT, &word, sizeof word) == 0;
}

bool packet_socket_join(int socket, uint16_t group) { return join(socket, group, SHARING); }

bool packet_socket_group(int socket, uint16_t *group)
{
    if (join(socket, 0, SHARING | PACKET_FANOUT_FLAG_UNIQUEID)) {
        unsigned word = 0;
        socklen_t len = sizeof word;
        if (getsockopt(socket, SOL_PACKET, PACKET_FANOUT, &word, &len) != 0)
            return false;
        *group = (uint16_t)(word & GROUP_BITS);
        return true;
    }
    for (unsigned i = 0; i < GROUP_TRIES && errno == EINVAL; i++) {
        *group = (uint16_t)(((unsigned)getpid() * GROUP_TRIES + i) & GROUP_BITS);
        if (packet_socket_join(socket, *group))
            return true;
    }
    return false;
}

bool packet_socket_takes(const void *program, unsigned count)
{
    struct sock_fprog whole = { .len = (unsigned short)count };
    struct sock_filter copy[BPF_MAXINSNS];
    if (count > BPF_MAXINSNS)
        return false;
    int any = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (any < 0)
        return true; /* not known: the other socket will say */
    memcpy(copy, program, count * sizeof copy[0]);
    whole.filter = copy;
    bool takes = setsockopt(any, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof whole) == 0;
    close(any);
    return takes;
}

void packet_socket_once(int socket)
{
    struct sock_filter program[BPF_MAXINSNS] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OUTGOING, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_IFINDEX)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, if_nametoindex("lo"), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    enum { ADDED = 5 };
    socklen_t len = BPF_MAXINSNS - ADDED; /* in instructions */
    if (getsockopt(socket, SOL_SOCKET, SO_GET_FILTER, program + ADDED, &len) != 0 || len == 0)
        return;
    struct sock_fprog whole = { .len = (unsigned short)(ADDED + len), .filter = program };
    (void)setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof whole);
}

bool packet_socket_end(int socket)
{
    struct sock_filter none = BPF_STMT(BPF_RET | BPF_K, 0);
    struct sock_fprog whole = { .len = 1, .filter = &none };
    return setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &whole, sizeof whole) == 0;
}

uint32_t packet_socket_mtu(int socket, const char *interface)
{
    struct ifreq request = { 0 };
    size_t len = strlen(interface);
    if (len >= sizeof request.ifr_name)
        return 0;
    memcpy(request.ifr_name, interface, len);
    if (ioctl(socket, SIOCGIFMTU, &request) != 0 || request.ifr_mtu < 0)
        return 0;
    return (uint32_t)request.ifr_mtu;
}
