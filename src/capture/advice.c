/* SPDX-License-Identifier: Apache-2.0
 * advice.c - the three reasons that an administrator meets: no right, no such interface, down.
 */
#include "advice.h"

#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

enum { LONGEST_PATH = 4096 };

/* capabilities(7): of all that root may do, a socket that sees packets takes this one only. */
static void advise_right(char *why, size_t why_size)
{
    char path[LONGEST_PATH] = "/path/to/starttap";
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - 1);
    if (len > 0)
        path[len] = '\0';
    if (geteuid() == 0)
        (void)snprintf(why, why_size,
                       "this root lacks CAP_NET_RAW; a container gets it by --cap-add NET_RAW");
    else
        (void)snprintf(why, why_size,
                       "it takes CAP_NET_RAW: run it as root, or let everybody who may run it "
                       "watch (once, as root): setcap cap_net_raw+ep %s",
                       path);
}

static void advise_names(char *why, size_t why_size)
{
    size_t at = (size_t)snprintf(why, why_size, "there is no such interface here; there are any");
    struct if_nameindex *names = if_nameindex();
    for (struct if_nameindex *i = names; i != NULL && i->if_index != 0 && at < why_size; i++) {
        char clean[2 * IF_NAMESIZE];
        text_clean(text_of(i->if_name), clean, sizeof clean);
        at += (size_t)snprintf(why + at, why_size - at, ", %s", clean);
    }
    if (names != NULL)
        if_freenameindex(names);
    if (at >= why_size && why_size > 4)
        memcpy(why + why_size - 4, "...", 4);
}

void advice_of(enum libpcap_refusal refusal, const char *interface, char *why, size_t why_size)
{
    switch (refusal) {
    case LIBPCAP_NO_RIGHT: advise_right(why, why_size); break;
    case LIBPCAP_NO_INTERFACE: advise_names(why, why_size); break;
    case LIBPCAP_DOWN:
        (void)snprintf(why, why_size, "it is down; switch it on: ip link set %s up", interface);
        break;
    case LIBPCAP_REFUSES: break;
    }
}
