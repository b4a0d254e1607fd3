/* SPDX-License-Identifier: Apache-2.0
 * dates.c - validity against the time of the packet (RFC 5280 section 4.1.2.5).
 */
#include "certificates.h"

enum { DAY = 86400, OPENSSL_NOT_YET_VALID = 9, OPENSSL_EXPIRED = 10, NEAR = 60 };

/* "2026-05-04T10:00:00Z", as the dates of certificates are written. */
static const char *instant(int64_t at_s, char out[24])
{
    int64_t days = at_s / DAY, left_s = at_s % DAY;
    if (left_s < 0) {
        days--;
        left_s += DAY;
    }
    /* Days of a calendar whose years begin in March, so that the leap day is the last. */
    int64_t shifted = days + 719468, era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int64_t of_era = shifted - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100),
            month = (5 * of_year + 2) / 153;
    int64_t parts[] = { year + era * 400 + (month >= 10 ? 1 : 0),
                        month < 10 ? month + 3 : month - 9,
                        of_year - (153 * month + 2) / 5 + 1,
                        left_s / 3600,
                        left_s / 60 % 60,
                        left_s % 60 };
    static const char form[] = "yyyy-mm-ddThh:mm:ssZ";
    static const uint8_t ends[] = { 3, 6, 9, 12, 15, 18 };
    for (size_t i = 0; i < sizeof form; i++)
        out[i] = form[i];
    for (size_t part = 0; part < sizeof parts / sizeof parts[0]; part++)
        for (size_t i = 0; i < (part == 0 ? 4 : 2); i++) {
            out[ends[part] - i] = (char)('0' + parts[part] % 10);
            parts[part] /= 10;
        }
    return out;
}

/* The bounds and what was seen, and whether a wrong clock explains it as well. */
static void report(const struct scene *at, struct starttap_draft *draft, size_t number,
                   int64_t off_s, int code)
{
    const struct starttap_certificate *c = &at->chain->certificates[number];
    char seen[24];
    if (off_s < DAY) {
        draft->finding.variant = "skew";
        draft->finding.confidence = NEAR;
    } else if (number > 0) {
        draft->finding.variant = "chain";
    }
    draft->finding.severity = certificates_severity(at, STARTTAP_MEDIUM);
    certificates_tell_as(at, draft, number, code,
                         code == OPENSSL_EXPIRED ? "certificate has expired"
                                                 : "certificate is not yet valid");
    starttap_draft_value(draft, "not_before", c->not_before);
    starttap_draft_value(draft, "not_after", c->not_after);
    starttap_draft_value(draft, "seen", instant(at->at_s, seen));
    starttap_draft_number(draft, "days", (uint64_t)(off_s / DAY));
    starttap_draft_number(draft, "hours", (uint64_t)(off_s / 3600));
    starttap_draft_report(draft, at->core, at->session);
}

/* Before there was SSL 3.0 nobody sent certificates: such a clock was never set. */
static bool is_clock_set(const struct scene *at)
{
    const int64_t year_1996_s = 820454400;
    return at->at_s >= year_1996_s;
}

/* The leaf's own dates; of the others only those that verification came across, because another
 * path may go round an old one. */
static bool is_judged(const struct scene *at, size_t number, int code)
{
    const struct starttap_certificate *c = &at->chain->certificates[number];
    if (!c->parsed || !is_clock_set(at))
        return false;
    return number == 0 || (at->chain->verify_code == code && certificates_counts(c));
}

void certificates_expired(const struct scene *at, struct starttap_draft *draft)
{
    for (size_t i = 0; i < at->chain->count; i++) {
        const struct starttap_certificate *c = &at->chain->certificates[i];
        if (is_judged(at, i, OPENSSL_EXPIRED) && c->not_after_s <= at->at_s) {
            report(at, draft, i, at->at_s - c->not_after_s, OPENSSL_EXPIRED);
            return; /* the one nearest to the server's own says enough */
        }
    }
}

void certificates_not_yet_valid(const struct scene *at, struct starttap_draft *draft)
{
    for (size_t i = 0; i < at->chain->count; i++) {
        const struct starttap_certificate *c = &at->chain->certificates[i];
        if (is_judged(at, i, OPENSSL_NOT_YET_VALID) && c->not_before_s > at->at_s) {
            report(at, draft, i, c->not_before_s - at->at_s, OPENSSL_NOT_YET_VALID);
            return;
        }
    }
}

/* What a public authority may issue, by the day it begins: CA/Browser Forum ballots 193, SC31 and
 * SC081. */
static const struct limit {
    int64_t from_s;
    int64_t days;
} limits[] = {
    { 1519862400, 825 }, /* 2018-03-01 */
    { 1598918400, 398 }, /* 2020-09-01 */
    { 1773532800, 200 }, /* 2026-03-15 */
    { 1805068800, 100 }, /* 2027-03-15 */
    { 1868227200, 47 },  /* 2029-03-15 */
};

void certificates_too_long(const struct scene *at, struct starttap_draft *draft)
{
    const struct starttap_certificate *leaf = at->leaf;
    int64_t days = 0;
    if (at->chain->anchor != STARTTAP_ANCHOR_PUBLIC || !leaf->parsed ||
        leaf->not_before_s == INT64_MIN || leaf->not_after_s == INT64_MAX)
        return;
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        if (leaf->not_before_s >= limits[i].from_s)
            days = limits[i].days;
    int64_t length_s = leaf->not_after_s - leaf->not_before_s + 1; /* both ends count */
    if (days == 0 || length_s <= days * DAY)
        return;
    draft->finding.severity = certificates_severity(at, STARTTAP_LOW);
    certificates_tell(at, draft, 0);
    starttap_draft_value(draft, "not_before", leaf->not_before);
    starttap_draft_value(draft, "not_after", leaf->not_after);
    starttap_draft_number(draft, "days", (uint64_t)((length_s + DAY - 1) / DAY));
    starttap_draft_number(draft, "allowed", (uint64_t)days);
    starttap_draft_report(draft, at->core, at->session);
}
