/* SPDX-License-Identifier: Apache-2.0
 * player.h - plays segments in a small notation to a shard and records the callbacks as text.
 *
 * One packet a line (or between semicolons); numbers are relative to the side's initial number, so
 * its first byte of data is 1:
 *
 *     Cs 0            SYN of the client          Ss 0 1         SYN-ACK
 *     C 1 1           acknowledgement            C 1 1 'QUIT~'  data; ~ is CRLF
 *     Cf 7 1          FIN                        Sr 1           RST
 *     x0a0b           data in hex                @2500          at 2500 ms
 *     bad good        the checksum               cut=3          bytes captured
 *     outer=7 ttl=9   as in struct packet        isn=5          from now on, of this side
 *     conn=2          another pair of ports      swap           server and client change ports
 *
 * Record: "C:..." and "S:..." are consumed bytes, joined while the side stays; "[C 3+5 lost]" is a
 * gap; "C." is finished; "T2000" a timer; "(fin C)" the end and who ended it.
 */
#ifndef PLAYER_H
#define PLAYER_H

#include "flow.h"

/* Lines: and at the FIN what is left. Server first: nothing of the client before that. */
enum player_taste {
    TASTE_ALL,
    TASTE_LINES,
    TASTE_NOTHING,
    TASTE_DECLINE,
    TASTE_SKIP_SERVER,
    TASTE_SERVER_FIRST
};

struct player {
    struct shard_options options;
    enum player_taste taste;
    bool quiet;             /* no record */
    bool hex;               /* consumed bytes as hex */
    bool show_acked;        /* "C@4:...": what the sender had acknowledged, per chunk consumed */
    int64_t timer_after_ns; /* each chunk sets the timer so far ahead */
    /* result */
    struct flow_info info;                          /* of the flow that ended last */
    struct flow_conflict conflicts[FLOW_CONFLICTS]; /* of the same */
    unsigned opened, ended, offers;
    struct shard_counters counters;
    /* private */
    struct shard *shard;
    char *text;
    size_t len, cap;
    char speaker;
    int64_t now_ns, base_ns;
    uint64_t frame;
    uint32_t isn[2];
    bool every_tick; /* shard_advance() at every millisecond between packets */
};

void player_start(struct player *player); /* fills options that are zero */
void player_play(struct player *player, const char *script);
void player_packet(struct player *player, struct packet *packet); /* frame number and clock */
const char *player_finish(struct player *player); /* the record; valid until player_free() */
void player_free(struct player *player);

/* All in one, with a new shard; the result is to be freed. */
char *play(const char *script);
char *play_with(const struct player *prototype, const char *script, struct player *result);

#endif
