/* SPDX-License-Identifier: Apache-2.0
 * redact.c - a reader of dialogues that trusts nothing: a line is shown only as far as its form is
 * known, and the states in which lines are content show none.
 */
#include "redact.h"

#include <string.h>

#include "reader.h"
#include "text.h"

/* How much of a line may be shown. */
enum shown { SHOW_NOTHING, SHOW_VERB, SHOW_TWO_WORDS, SHOW_ALL };

static const struct command {
    struct text verb;
    enum shown shown;
    enum { HARMLESS, PERSON, FETCH } kind; /* FETCH: its answer holds content */
} commands[] = {
    { { "EHLO", 4 }, SHOW_ALL, HARMLESS },
    { { "HELO", 4 }, SHOW_ALL, HARMLESS },
    { { "LHLO", 4 }, SHOW_ALL, HARMLESS },
    { { "STARTTLS", 8 }, SHOW_ALL, HARMLESS },
    { { "STLS", 4 }, SHOW_ALL, HARMLESS },
    { { "CAPA", 4 }, SHOW_ALL, HARMLESS },
    { { "CAPABILITY", 10 }, SHOW_ALL, HARMLESS },
    { { "NOOP", 4 }, SHOW_VERB, HARMLESS },
    { { "QUIT", 4 }, SHOW_VERB, HARMLESS },
    { { "LOGOUT", 6 }, SHOW_VERB, HARMLESS },
    { { "RSET", 4 }, SHOW_VERB, HARMLESS },
    { { "AUTH", 4 }, SHOW_TWO_WORDS, PERSON },
    { { "AUTHENTICATE", 12 }, SHOW_TWO_WORDS, PERSON },
    { { "LOGIN", 5 }, SHOW_VERB, PERSON },
    { { "USER", 4 }, SHOW_VERB, PERSON },
    { { "PASS", 4 }, SHOW_VERB, PERSON },
    { { "APOP", 4 }, SHOW_VERB, PERSON },
    { { "MAIL", 4 }, SHOW_VERB, PERSON },
    { { "RCPT", 4 }, SHOW_VERB, PERSON },
    { { "DATA", 4 }, SHOW_VERB, PERSON },
    { { "BDAT", 4 }, SHOW_TWO_WORDS, PERSON },
    { { "SELECT", 6 }, SHOW_VERB, PERSON },
    { { "EXAMINE", 7 }, SHOW_VERB, PERSON },
    { { "APPEND", 6 }, SHOW_VERB, PERSON },
    { { "IDLE", 4 }, SHOW_VERB, PERSON },
    { { "STAT", 4 }, SHOW_VERB, PERSON },
    { { "PUTSCRIPT", 9 }, SHOW_VERB, PERSON },
    { { "RETR", 4 }, SHOW_VERB, FETCH },
    { { "TOP", 3 }, SHOW_VERB, FETCH },
    { { "LIST", 4 }, SHOW_VERB, FETCH },
    { { "LSUB", 4 }, SHOW_VERB, FETCH },
    { { "UIDL", 4 }, SHOW_VERB, FETCH },
    { { "FETCH", 5 }, SHOW_VERB, FETCH },
    { { "UID", 3 }, SHOW_VERB, FETCH },
    { { "SEARCH", 6 }, SHOW_VERB, FETCH },
    { { "STATUS", 6 }, SHOW_VERB, FETCH },
    { { "GETSCRIPT", 9 }, SHOW_VERB, FETCH },
    { { "LISTSCRIPTS", 11 }, SHOW_VERB, FETCH },
};

/* Words with which a server's line may begin and be shown whole (up to a text's end it is the
 * server's own words), or only with its first word: challenges. */
static const struct {
    struct text word;
    enum shown shown;
} replies[] = {
    { { "+OK", 3 }, SHOW_ALL },
    { { "-ERR", 4 }, SHOW_ALL },
    { { "OK", 2 }, SHOW_ALL },
    { { "NO", 2 }, SHOW_ALL },
    { { "BYE", 3 }, SHOW_ALL },
    { { "+", 1 }, SHOW_VERB },
    { { "334", 3 }, SHOW_VERB },
    { { ".", 1 }, SHOW_VERB },
    { { "SASL", 4 }, SHOW_ALL },
    { { "STLS", 4 }, SHOW_ALL },
    { { "USER", 4 }, SHOW_ALL },
    { { "TOP", 3 }, SHOW_ALL },
    { { "UIDL", 4 }, SHOW_ALL },
    { { "PIPELINING", 10 }, SHOW_ALL },
    { { "RESP-CODES", 10 }, SHOW_ALL },
    { { "AUTH-RESP-CODE", 14 }, SHOW_ALL },
    { { "EXPIRE", 6 }, SHOW_ALL },
    { { "LOGIN-DELAY", 11 }, SHOW_ALL },
    { { "CAPA", 4 }, SHOW_ALL },
    { { "LANG", 4 }, SHOW_ALL },
    { { "IMPLEMENTATION", 14 }, SHOW_ALL },
    { { "UTF8", 4 }, SHOW_ALL },
};
static const struct text status_words[] = { { "OK", 2 },  { "NO", 2 },      { "BAD", 3 },
                                            { "BYE", 3 }, { "PREAUTH", 7 }, { "CAPABILITY", 10 } };

static const struct command *command_of(struct text word)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (text_same_nocase(commands[i].verb, word))
            return &commands[i];
    return NULL;
}

/* The first words of a line, without its end. */
struct words {
    struct text at[3];
    size_t count;
};

static struct words words_of(struct text line)
{
    struct words words = { .count = 0 };
    while (words.count < 3 && line.len > 0) {
        struct text word = text_token(&line, " ");
        if (word.len == 0)
            break; /* two blanks: not a form that is known */
        words.at[words.count++] = word;
    }
    return words;
}

static size_t end_of(struct text line, struct text word)
{
    return (size_t)(word.at - line.at) + word.len;
}

static size_t shown_of(struct text line, const struct words *words, size_t verb, enum shown shown)
{
    size_t last = shown == SHOW_TWO_WORDS && verb + 1 < words->count ? verb + 1 : verb;
    if (shown == SHOW_NOTHING)
        return 0;
    if (shown != SHOW_ALL)
        return end_of(line, words->at[last]);
    return line.len;
}

/* --- the client --- */

/* The command of a line: its first word, or behind an IMAP tag the second. */
static const struct command *client_command(const struct words *words, size_t *verb)
{
    const struct command *command = words->count > 0 ? command_of(words->at[0]) : NULL;
    *verb = 0;
    if (command == NULL && words->count > 1 && words->at[0].len <= 16) {
        command = command_of(words->at[1]);
        *verb = 1;
    }
    return command;
}

static size_t number_of(struct text digits)
{
    size_t number = 0;
    for (size_t i = 0; i < digits.len && digits.at[i] >= '0' && digits.at[i] <= '9'; i++)
        number =
            number > SIZE_MAX / 20 ? SIZE_MAX / 20 : number * 10 + (size_t)(digits.at[i] - '0');
    return number;
}

/* {n} or {n+} at the end of a line: so many bytes follow that are an argument. */
static size_t literal_of(struct text line)
{
    size_t at = line.len;
    if (at == 0 || line.at[at - 1] != '}')
        return 0;
    while (at > 0 && line.at[at - 1] != '{')
        at--;
    return at > 0 ? number_of((struct text){ line.at + at, line.len - at }) : 0;
}

/* What the next bytes of the client are. */
struct client_state {
    bool content; /* behind DATA, up to the line with one dot */
    bool login;   /* behind AUTH and its like: lines may be answers */
    size_t skip;  /* so many bytes of BDAT or of a literal */
};

/* STARTTLS or STLS as a device may have left it: overwritten by one letter, or nearly the word. */
static bool is_rewritten(struct text line)
{
    static const struct text words[] = { { "STARTTLS", 8 }, { "STLS", 4 } };
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        size_t differs = 0, fillers = 0;
        if (line.len != words[w].len)
            continue;
        for (size_t i = 0; i < line.len; i++) {
            differs += (line.at[i] | 0x20) != (words[w].at[i] | 0x20);
            fillers += line.at[i] == line.at[0] && strchr("Xx*#", line.at[i]) != NULL;
        }
        if (differs <= words[w].len / 4 || fillers == line.len)
            return true;
    }
    return false;
}

static size_t client_line(struct client_state *state, struct text line)
{
    if (state->content) {
        state->content = !text_same(line, TEXT("."));
        return 0;
    }
    struct words words = words_of(line);
    size_t verb = 0;
    const struct command *command = client_command(&words, &verb);
    state->skip = literal_of(line);
    if (command == NULL)
        return !state->login && is_rewritten(line) ? line.len : 0;
    state->login = text_starts_nocase(command->verb, TEXT("AUTH"));
    if (verb == 0 && text_same_nocase(command->verb, TEXT("DATA")))
        state->content = true;
    if (verb == 0 && words.count > 1 && text_same_nocase(command->verb, TEXT("BDAT")))
        state->skip = number_of(words.at[1]);
    return shown_of(line, &words, verb, command->shown);
}

/* One line from `at` on: where the next one begins. */
static size_t next_line(const uint8_t *bytes, size_t len, size_t at, struct text *bare)
{
    struct text rest = { (const char *)bytes + at, len - at };
    struct text line = text_token(&rest, "\n");
    bool cr = line.len > 0 && line.at[line.len - 1] == '\r';
    *bare = (struct text){ line.at, line.len - (cr ? 1 : 0) };
    return at + line.len < len ? at + line.len + 1 : len;
}

static size_t skip(struct client_state *state, size_t at, size_t len)
{
    at = state->skip > len - at ? len : at + state->skip;
    state->skip = 0;
    return at;
}

struct redact_marks redact_marks_of(const uint8_t *client, size_t len)
{
    struct client_state state = { 0 };
    struct redact_marks marks = { .person = len, .fetch = len };
    for (size_t at = 0; at < len;) {
        struct text line;
        size_t next = next_line(client, len, at, &line), verb = 0;
        struct words words = words_of(line);
        const struct command *command = state.content ? NULL : client_command(&words, &verb);
        if (command != NULL && command->kind != HARMLESS && at < marks.person)
            marks.person = at;
        if (command != NULL && command->kind == FETCH && at < marks.fetch)
            marks.fetch = at;
        (void)client_line(&state, line);
        at = skip(&state, next, len);
    }
    return marks;
}

/* --- the server --- */

static bool is_code(struct text line)
{
    for (size_t i = 0; i < 3; i++)
        if (line.len < 3 || line.at[i] < '0' || line.at[i] > '9')
            return false;
    return line.len == 3 || line.at[3] == ' ' || line.at[3] == '-';
}

static bool is_status(struct text word)
{
    for (size_t i = 0; i < sizeof status_words / sizeof status_words[0]; i++)
        if (text_same_nocase(status_words[i], word))
            return true;
    return false;
}

/* Codes and states only, with the character that separates them: what stands behind may name
 * somebody. */
static size_t guarded_line(struct text line, const struct words *words)
{
    size_t end = 0;
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
        if (text_same_nocase(replies[i].word, words->at[0]))
            end = end_of(line, words->at[0]);
    if (words->count > 1 && is_status(words->at[1]))
        end = text_same_nocase(words->at[1], TEXT("CAPABILITY")) ? line.len
                                                                 : end_of(line, words->at[1]);
    if (is_code(line))
        end = 3;
    return end > 0 && end < line.len ? end + 1 : end;
}

static size_t server_line(struct text line, bool guarded)
{
    struct words words = words_of(line);
    if (words.count == 0)
        return 0;
    if (guarded)
        return guarded_line(line, &words);
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++)
        if (text_same_nocase(replies[i].word, words.at[0]))
            return shown_of(line, &words, 0, replies[i].shown);
    if (is_code(line) || line.at[0] == '"') /* a reply; a ManageSieve capability */
        return line.len;
    if (words.count > 1 && is_status(words.at[1])) /* IMAP: untagged or tagged */
        return line.len;
    return text_same(words.at[0], TEXT("*")) ? end_of(line, words.at[words.count - 1]) : 0;
}

/* --- both --- */

/* Length of a TLS record at the front, header included; 0 if there is none. */
static size_t record_of(struct reader in, uint8_t *type)
{
    uint8_t major = 0;
    uint16_t length = 0;
    *type = reader_u8(&in);
    major = reader_u8(&in);
    (void)reader_u8(&in);
    length = reader_u16(&in);
    bool is = reader_ok(&in) && *type >= 20 && *type <= 24 && major == 3 && length > 0 &&
              length <= 16384 + 2048;
    return is ? (size_t)length + 5 : 0;
}

void redact_stream(enum side side, const uint8_t *bytes, size_t len, struct redact_marks marks,
                   uint8_t *keep)
{
    enum { APPLICATION_DATA = 23, HEARTBEAT = 24, HEADER = 5 };
    struct client_state state = { 0 };
    if (len == 0)
        return; /* a side that said nothing has no buffers */
    memset(keep, 0, len);
    for (size_t at = 0; at < len;) {
        uint8_t type = 0;
        size_t record = state.content ? 0 : record_of(reader_of(bytes + at, len - at), &type);
        if (record > 0) {
            bool hidden = type == HEARTBEAT || (type == APPLICATION_DATA && !marks.tls13);
            size_t shown = hidden ? HEADER : record;
            memset(keep + at, 1, shown < len - at ? shown : len - at);
            at = record < len - at ? at + record : len;
            continue;
        }
        struct text line;
        size_t next = next_line(bytes, len, at, &line);
        size_t shown = side == SIDE_CLIENT ? client_line(&state, line)
                       : at >= marks.fetch ? 0
                                           : server_line(line, at >= marks.person);
        memset(keep + at, 1, shown);
        for (size_t i = shown; shown > 0 && i < line.len; i++)
            keep[at + i] = line.at[i] == ' ';                  /* words stay words */
        memset(keep + at + line.len, 1, next - at - line.len); /* the line's end */
        at = skip(&state, next, len);
    }
}
