/* SPDX-License-Identifier: Apache-2.0
 * logins.c - logins in clear: mechanism, whether a secret crossed, result. Never the secret itself:
 * nothing here copies a byte of what the client said, and mechanisms come out of a table.
 */
#include "logins.h"
#include "facts.h"

static const struct mechanism {
    struct text name;
    bool gives; /* the password away */
} mechanisms[] = {
#define MECHANISM(name, gives) { { name, sizeof(name) - 1 }, gives },
#include "mechanisms.def"
#undef MECHANISM
};

static const struct mechanism *mechanism_find(struct text name)
{
    for (size_t i = 0; i < sizeof mechanisms / sizeof mechanisms[0]; i++)
        if (text_same_nocase(mechanisms[i].name, name))
            return &mechanisms[i];
    return NULL;
}

struct text mechanism_name(struct text name)
{
    const struct mechanism *known = mechanism_find(name);
    return known != NULL ? known->name : TEXT("UNKNOWN");
}

bool mechanism_gives_password(struct text name)
{
    const struct mechanism *known = mechanism_find(name);
    return known != NULL && known->gives;
}

void facts_login(struct mail *mail, struct text mechanism, const struct line *line)
{
    struct mail_facts *facts = &mail->facts;
    mail->login = NOTE_NONE;
    struct mail_auth *auth = arena_grow(mail->arena, facts->auth, facts->auth_count,
                                        &facts->auth_cap, LIMIT_AUTH_ATTEMPTS, sizeof *auth);
    if (auth == NULL) {
        facts->auth_dropped++;
        return;
    }
    facts->auth = auth;
    mail->login = (uint8_t)facts->auth_count++;
    facts->auth[mail->login] =
        (struct mail_auth){ .mechanism = mechanism_name(mechanism),
                            .where = line->where,
                            .offset = line->offset,
                            .passed_over = facts->starttls_ever_offered &&
                                           facts->starttls_requested != TRI_YES };
}

void facts_login_awaits(struct mail *mail, struct pending *command)
{
    command->login = mail->login;
}

void facts_login_secret(struct mail *mail)
{
    if (mail->login != NOTE_NONE)
        mail->facts.auth[mail->login].secret_sent = true;
}

void facts_login_answer(struct mail *mail, struct text answer)
{
    if (answer.len > 0 && !text_same(answer, TEXT("*")) && !text_same(answer, TEXT("=")))
        facts_login_secret(mail);
}

void facts_login_ended(struct mail *mail, const struct pending *command, enum tri succeeded,
                       uint32_t code)
{
    uint8_t login = command != NULL ? command->login : mail->login;
    if (login != NOTE_NONE) {
        mail->facts.auth[login].succeeded = succeeded;
        mail->facts.auth[login].code = code;
    }
    if (login == mail->login)
        mail->login = NOTE_NONE;
    if (succeeded == TRI_YES)
        mail->authenticated = true;
}
