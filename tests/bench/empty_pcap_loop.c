/* SPDX-License-Identifier: Apache-2.0
 * empty_pcap_loop.c - the floor that the benchmark compares with: libpcap reads every packet of a
 * file and nothing is done with it.
 */
#include <pcap.h>
#include <stdio.h>

static void count(u_char *user, const struct pcap_pkthdr *header, const u_char *bytes)
{
    unsigned long long *packets = (unsigned long long *)(void *)user;

    (void)header;
    (void)bytes;
    ++*packets;
}

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    unsigned long long packets = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: empty_pcap_loop FILE\n");
        return 2;
    }
    pcap_t *pcap = pcap_open_offline(argv[1], error);
    if (pcap == NULL) {
        fprintf(stderr, "empty_pcap_loop: %s\n", error);
        return 1;
    }
    int status = pcap_loop(pcap, -1, count, (u_char *)&packets);
    pcap_close(pcap);
    printf("%llu\n", packets);
    return status == 0 ? 0 : 1;
}
