/* SPDX-License-Identifier: Apache-2.0
 * heartbeat.c - heartbeats that ask for more than is theirs (Heartbleed), in clear and encrypted.
 *
 * RFC 6520 section 4: type, length of the payload, payload, and at least 16 bytes of padding; an
 * answer repeats the payload. CVE-2014-0160. RFC 5246 section 6.2.3 and 7366 for the length of an
 * encrypted one.
 */
#include <string.h>

#include "features.h"

void features_heartbeat(const struct scene *at, struct starttap_draft *draft)
{
    if (at->server != NULL && at->server->heartbeat)
        features_report(at, draft, STARTTAP_INFO);
}

enum { SMALLEST = 1 + 2 + 16 }; /* an honest heartbeat without any payload */

/* The length of the shortest honest heartbeat's record; 0 where the suite does not tell. */
static unsigned shortest_record(const struct starttap_server_hello *hello)
{
    const char *suite = hello->cipher_name;
    unsigned mac = strstr(suite, "_SHA384") != NULL   ? 48
                   : strstr(suite, "_SHA256") != NULL ? 32
                   : strstr(suite, "_MD5") != NULL    ? 16
                                                      : 20;
    unsigned block = strstr(suite, "DES") != NULL || strstr(suite, "IDEA") != NULL ? 8 : 16;

    if ((hello->cipher_classes & STARTTAP_CIPHER_AEAD) != 0)
        return SMALLEST + 8; /* the shortest tag; no nonce */
    if ((hello->cipher_classes & STARTTAP_CIPHER_CBC) != 0)
        return (SMALLEST + mac + 1 + block - 1) / block * block;
    return 0;
}

/* Of an encrypted heartbeat only the length is seen. One that is too short for its padding asks for
 * what lies behind it: that is how the known tools do it. */
static bool is_too_short(const struct scene *at, const struct starttap_tls_note *note)
{
    return note->kind == STARTTAP_TLS_HEARTBEAT_ENCRYPTED && at->server != NULL &&
           !at->session->midstream && note->len < shortest_record(at->server);
}

void features_attempt(const struct scene *at, struct starttap_draft *draft)
{
    for (size_t i = 0; i < at->tls->note_count; i++) {
        const struct starttap_tls_note *note = &at->tls->notes[i];
        bool clear = note->kind == STARTTAP_TLS_HEARTBEAT_REQUEST && note->code == 1;
        if (!clear && !is_too_short(at, note))
            continue;
        draft->finding.key = features_side(note->side);
        draft->finding.variant = clear ? features_side(note->side) : "encrypted";
        starttap_draft_number(draft, clear ? "claimed" : "record_len", note->len);
        if (!clear) {
            draft->finding.confidence = 75;
            starttap_draft_value(draft, "by", features_side(note->side));
            starttap_draft_number(draft, "least", shortest_record(at->server));
        }
        features_record(draft, note->side, note->where, "heartbeat request");
        features_report(at, draft, STARTTAP_HIGH);
        return;
    }
}

struct pair {
    const struct starttap_tls_note *asked, *answered;
};

/* An answer that holds more than its question did, behind a question that asked for that. It
 * repeats the length that was claimed; another one may belong to a question that is not in the
 * capture. */
static struct pair bleeding_in_clear(const struct starttap_tls *tls)
{
    struct pair pair = { NULL, NULL };
    for (size_t i = 0; i < tls->note_count; i++) {
        const struct starttap_tls_note *note = &tls->notes[i];
        if (note->kind == STARTTAP_TLS_HEARTBEAT_REQUEST && note->code == 1)
            pair.asked = note;
        if (pair.asked != NULL && note->side != pair.asked->side && note->code == 1 &&
            note->kind == STARTTAP_TLS_HEARTBEAT_RESPONSE &&
            (note->len == pair.asked->len || !tls->lost[pair.asked->side])) {
            pair.answered = note;
            return pair;
        }
    }
    return (struct pair){ NULL, NULL };
}

/* Where it is encrypted only lengths tell: an answer repeats its question, and may differ by its
 * own padding (16 bytes in every library known) and that of a block cipher (up to 255). */
static struct pair bleeding_encrypted(const struct starttap_tls *tls)
{
    const uint32_t slack = 16 + 255;
    struct pair pair = { NULL, NULL };
    for (size_t i = 0; i < tls->note_count; i++) {
        const struct starttap_tls_note *note = &tls->notes[i];
        if (note->kind != STARTTAP_TLS_HEARTBEAT_ENCRYPTED)
            continue;
        if (pair.asked != NULL && note->side != pair.asked->side &&
            note->len > pair.asked->len + slack) {
            pair.answered = note;
            return pair;
        }
        pair.asked = note;
    }
    return (struct pair){ NULL, NULL };
}

void features_success(const struct scene *at, struct starttap_draft *draft)
{
    struct pair pair = bleeding_in_clear(at->tls);
    bool encrypted = pair.answered == NULL;

    if (encrypted)
        pair = bleeding_encrypted(at->tls);
    if (pair.answered == NULL)
        return;
    if (encrypted)
        draft->finding.confidence = is_too_short(at, pair.asked) ? 95 : 80;
    draft->finding.variant = encrypted ? "encrypted" : NULL;
    starttap_draft_value(draft, "by", features_side(pair.asked->side));
    starttap_draft_value(draft, "victim", features_side(pair.answered->side));
    starttap_draft_number(draft, "asked", pair.asked->len);
    starttap_draft_number(draft, "answered", pair.answered->len);
    features_record(draft, pair.asked->side, pair.asked->where, "heartbeat request");
    features_record(draft, pair.answered->side, pair.answered->where, "heartbeat response");
    features_report(at, draft, STARTTAP_CRITICAL);
}
