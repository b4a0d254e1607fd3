/* SPDX-License-Identifier: Apache-2.0
 * fuzz_mail.c - whole dialogues: however the bytes are cut, the facts are the same and bounded.
 *
 * Input: protocol, options, then pieces: what (side, crossing, gap, end), length, bytes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dialogue.h"
#include "facts_dump.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FACTS = 32768 };

static void read_dialogue(struct reader *input, struct dialogue *dialogue)
{
    enum { SERVER = 1, CROSSED = 2, GAP = 4, END = 8 };
    uint8_t options = reader_u8(input);
    dialogue->protocol = (enum mail_protocol)(1u + reader_u8(input) % (unsigned)MAIL_SIEVE);
    dialogue->port = 25;
    dialogue->midstream = (options & 7) == 1;
    dialogue->only_known = (options & 7) == 2;
    dialogue->only = (options & 8) != 0 ? SIDE_SERVER : SIDE_CLIENT;

    for (unsigned piece = 1; reader_more(input) && dialogue->event_count < DIALOGUE_EVENTS;
         piece++) {
        uint8_t what = reader_u8(input);
        struct reader bytes = reader_vec8(input);
        enum side side = (what & SERVER) != 0 ? SIDE_SERVER : SIDE_CLIENT;
        struct dialogue_stream *stream = &dialogue->side[side];
        uint64_t before = stream->len > 0 ? stream->acked[stream->len - 1] : 0;
        uint64_t acked = (what & CROSSED) != 0 ? before : dialogue->side[side_other(side)].len;
        if ((what & (GAP | END)) != 0)
            dialogue->events[dialogue->event_count++] =
                (struct dialogue_event){ (what & GAP) != 0 ? EVENT_GAP : EVENT_FINISH, side,
                                         stream->len, (what & GAP) != 0 ? bytes.left : 0, acked };
        if ((what & GAP) == 0 && (what & END) != 0)
            continue;
        while (bytes.left > 0 && stream->len < DIALOGUE_BYTES) {
            stream->acked[stream->len] = acked;
            stream->line[stream->len] = piece;
            stream->bytes[stream->len++] = reader_u8(&bytes);
        }
    }
}

/* When a gap or an end is noticed is the capture's affair, not the bytes'. Where neither side
 * acknowledges anything, the order in the capture is all there is, and that is not kept here. */
static bool comparable(const struct dialogue *dialogue)
{
    const struct dialogue_stream *client = &dialogue->side[SIDE_CLIENT],
                                 *server = &dialogue->side[SIDE_SERVER];
    bool unproven = client->len > 0 && client->acked[0] == 0;
    for (size_t i = 0; i < server->len && unproven; i++)
        if (server->acked[i] == 0 && server->line[i] > client->line[0])
            return false;
    return dialogue->event_count == 0;
}

/* Text where TLS was agreed, and the answer to it, cross as they please. */
static bool is_out_of_place(const char *facts)
{
    return strstr(facts, "\nnote plaintext-") != NULL ||
           strstr(facts, "\nnote command-before-tls") != NULL ||
           strstr(facts, "\nnote response-before-tls") != NULL;
}

static void forget(char *facts, const char *start)
{
    for (char *at; (at = strstr(facts, start)) != NULL;) {
        size_t len = 1 + strcspn(at + 1, "\n");
        memmove(at, at + len, strlen(at + len) + 1);
    }
}

static void check_bounds(const struct mail_facts *facts)
{
    bool bounded = facts->note_count <= LIMIT_NOTES && facts->auth_count <= LIMIT_AUTH_ATTEMPTS &&
                   facts->capabilities.count <= LIMIT_CAPABILITIES &&
                   facts->helo.len <= LIMIT_NAME_BYTES &&
                   facts->banner_host.len <= LIMIT_NAME_BYTES &&
                   facts->banner_software.len <= LIMIT_NAME_BYTES;
    for (size_t i = 0; i < facts->note_count; i++)
        bounded &= facts->notes[i].word.len <= LIMIT_CAPABILITY_BYTES;
    for (size_t i = 0; i < facts->capabilities.count; i++)
        bounded &= facts->capabilities.names[i].len <= LIMIT_CAPABILITY_BYTES;
    bool proven = facts->starttls_offered != TRI_NO || facts->capabilities.complete;
    if (!bounded || !proven)
        abort();
}

static void play(const struct dialogue *dialogue, enum dialogue_cut cut, char *facts)
{
    struct arena arena;
    uint64_t tls_at[SIDE_COUNT];
    arena_init(&arena, LIMIT_SESSION_BYTES);
    const struct mail *mail = dialogue_play(dialogue, cut, &arena, tls_at);
    check_bounds(mail_facts(mail));
    facts_dump(mail, tls_at, facts, FACTS);
    arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char facts[CUT_COUNT][FACTS];
    static struct dialogue room; /* too large to be cleared each time */
    struct dialogue *dialogue = &room;
    struct reader input = reader_of(data, size);
    dialogue->side[SIDE_CLIENT].len = dialogue->side[SIDE_SERVER].len = dialogue->event_count = 0;
    read_dialogue(&input, dialogue);
    for (int cut = 0; cut < CUT_COUNT; cut++) {
        play(dialogue, (enum dialogue_cut)cut, facts[cut]);
        forget(facts[cut], "\nnote desync"); /* a reply to half a command */
        forget(facts[cut], "\ncontent ");    /* half a line behind an early reply */
        if (comparable(dialogue) && !is_out_of_place(facts[0]) && !is_out_of_place(facts[cut]) &&
            strcmp(facts[0], facts[cut]) != 0) {
            if (getenv("SHOW") != NULL) /* what differs */
                fprintf(stderr, "%s--- cut %d\n%s", facts[0], cut, facts[cut]);
            abort();
        }
    }
    return 0;
}
