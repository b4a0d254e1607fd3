-- SPDX-License-Identifier: Apache-2.0
-- The questions of a Monday morning, each a view with the span of time as parameters; load it after schema.sql.
--
--   SELECT * FROM starttap.clear_senders(since = now() - INTERVAL 7 DAY, until = now())

-- Who sends mail in clear, and why? `why` names what decided it, the strongest reason first.
CREATE OR REPLACE VIEW starttap.clear_senders AS
SELECT
    client_ip,
    server_ip,
    server_port,
    any(protocol) AS protocol,
    multiIf(
        hasAny(said, ['starttls.masked_command', 'starttls.masked_capability', 'starttls.masked_banner', 'starttls.altered_keyword',
            'mitm.middlebox_esmtp_filter', 'mitm.payload_conflict']), 'a device in between changes the dialogue',
        has(said, 'starttls.plaintext_after_accept'), 'STARTTLS was agreed on, and clear text went on',
        hasAny(said, ['tls.cipher.null']), 'TLS with a cipher that does not encrypt',
        has(said, 'imap.preauth_cleartext'), 'the server''s greeting (PREAUTH) forbids STARTTLS',
        has(said, 'starttls.refused'), 'the server refuses its own STARTTLS',
        has(said, 'starttls.helo_only'), 'no EHLO, so no STARTTLS',
        has(said, 'starttls.not_offered'), 'the server offers no STARTTLS',
        hasAny(said, ['starttls.offered_not_used', 'auth.before_starttls']), 'the client does not use what is offered',
        offered IS NULL AND requested = 0, 'the client asks neither what is offered nor for TLS',
        'not seen') AS why,
    count() AS sessions,
    countIf(has(said, 'auth.cleartext') OR has(said, 'auth.before_starttls')) AS logins,
    countIf(has(said, 'mail.content_cleartext')) AS messages,
    groupUniqArray(sensor) AS sensors,
    max(time) AS last,
    argMax(session_id, time) AS example
FROM (SELECT *, arrayConcat(findings, notes) AS said FROM starttap.sessions(since = {since:DateTime}, until = {until:DateTime}))
WHERE verdict = 'exposed' OR (verdict = 'tampered' AND mode IN ('plaintext', 'mixed'))
GROUP BY client_ip, server_ip, server_port, why
ORDER BY logins DESC, sessions DESC, client_ip, server_ip, server_port;

-- What broke since yesterday? The span from since to until beside the equally long one before it. Only what worked then can
-- break: a server that was not seen then is new, not broken.
CREATE OR REPLACE VIEW starttap.broke AS
WITH known AS
(
    SELECT server_ip, server_port, count() AS sessions
    FROM starttap.sessions(
        since = {since:DateTime} - toIntervalSecond({until:DateTime} - {since:DateTime}), until = {since:DateTime})
    GROUP BY server_ip, server_port
),
before AS
(
    SELECT server_ip, server_port, what, count() AS sessions
    FROM starttap.sessions(
        since = {since:DateTime} - toIntervalSecond({until:DateTime} - {since:DateTime}), until = {since:DateTime})
    ARRAY JOIN arrayPushFront(findings, concat('verdict: ', verdict)) AS what
    GROUP BY server_ip, server_port, what
),
after AS
(
    SELECT server_ip, server_port, what, count() AS sessions, uniqExact(client_ip) AS clients, min(time) AS first,
        argMin(session_id, time) AS example
    FROM starttap.sessions(since = {since:DateTime}, until = {until:DateTime})
    ARRAY JOIN arrayPushFront(findings, concat('verdict: ', verdict)) AS what
    GROUP BY server_ip, server_port, what
)
SELECT
    a.server_ip AS server_ip,
    a.server_port AS server_port,
    a.what AS what,
    a.sessions AS sessions,
    a.clients AS clients,
    k.sessions AS sessions_before,
    a.first AS first,
    a.example AS example
FROM after AS a
INNER JOIN known AS k ON k.server_ip = a.server_ip AND k.server_port = a.server_port
LEFT ANTI JOIN before AS b ON b.server_ip = a.server_ip AND b.server_port = a.server_port AND b.what = a.what
WHERE a.what NOT IN ('verdict: protected', 'verdict: unknown')
UNION ALL
SELECT k.server_ip, k.server_port, 'no sessions any more', 0, 0, k.sessions, {since:DateTime}, ''
FROM known AS k
LEFT ANTI JOIN after AS a ON k.server_ip = a.server_ip AND k.server_port = a.server_port
ORDER BY sessions DESC, server_ip, server_port, what;

-- Which servers still speak TLS 1.0 (1.1, SSL)? `newest` says whether the same server can do better.
CREATE OR REPLACE VIEW starttap.old_tls AS
SELECT
    server_ip,
    server_port,
    arrayStringConcat(arraySort(groupUniqArrayIf(sni, sni != '')), ', ') AS names,
    arraySort(groupUniqArrayIf(tls_version, old)) AS versions,
    countIf(old) AS old_sessions,
    count() AS tls_sessions,
    uniqExactIf(client_ip, old) AS clients,
    max(version_rank) > 4 AS knows_better,
    countIf(old AND has(findings, 'tls.version.client_max_obsolete')) AS client_is_the_limit,
    maxIf(time, old) AS last,
    argMaxIf(session_id, time, old) AS example
FROM
(
    SELECT *, tls_version IN ('SSL 2.0', 'SSL 3.0', 'TLS 1.0', 'TLS 1.1') AS old,
        indexOf(['SSL 2.0', 'SSL 3.0', 'TLS 1.0', 'TLS 1.1', 'TLS 1.2', 'TLS 1.3'], tls_version) AS version_rank
    FROM starttap.sessions(since = {since:DateTime}, until = {until:DateTime})
    WHERE tls_version != ''
)
GROUP BY server_ip, server_port
HAVING old_sessions > 0
ORDER BY old_sessions DESC, server_ip, server_port;

-- Certificates that expire within 30 days after `until`, or are over already, and are in use. One that was followed by a longer
-- one at the same server and name is left out. Certificates of TLS 1.3 cannot be seen: see `blind`.
CREATE OR REPLACE VIEW starttap.expiring AS
WITH used AS
(
    SELECT server_ip, server_port, sni, sha256, position, count() AS sessions, min(time) AS first, max(time) AS last
    FROM
    (
        SELECT server_ip, server_port, sni, time, arrayJoin(arrayZip(cert_chain, arrayEnumerate(cert_chain))) AS one,
            one.1 AS sha256, one.2 - 1 AS position
        FROM starttap.sessions(since = {since:DateTime}, until = {until:DateTime})
        WHERE notEmpty(cert_chain)
    )
    GROUP BY server_ip, server_port, sni, sha256, position
),
known AS
(
    SELECT sha256, any(o.subject) AS subject, any(o.issuer) AS issuer, assumeNotNull(max(o.not_after)) AS not_after
    FROM starttap.certificates AS o
    WHERE o.not_after IS NOT NULL
    GROUP BY sha256
)
SELECT
    server_ip,
    server_port,
    groupUniqArrayIf(sni, sni != '') AS asked_for,
    if(position = 0, 'server', 'intermediate') AS kind,
    any(c.subject) AS subject,
    any(c.issuer) AS issuer,
    any(c.not_after) AS not_after,
    dateDiff('day', toDateTime({until:DateTime}, 'UTC'), any(c.not_after)) AS days_left,
    sum(c.sessions) AS sessions,
    max(c.last) AS last,
    sha256
FROM
(
    SELECT u.*, k.subject AS subject, k.issuer AS issuer, k.not_after AS not_after,
        max((u.first, k.not_after)) OVER (PARTITION BY u.server_ip, u.server_port, u.sni, u.position) AS latest
    FROM used AS u
    INNER JOIN known AS k ON k.sha256 = u.sha256
) AS c
WHERE c.not_after < {until:DateTime} + INTERVAL 30 DAY AND NOT (c.latest.1 > c.last AND c.latest.2 > c.not_after)
GROUP BY server_ip, server_port, kind, sha256
ORDER BY not_after, server_ip, server_port;

-- Who stands in between? Findings of devices and strangers on the way. An inspection that the policy sanctions has its own line.
CREATE OR REPLACE VIEW starttap.in_between AS
SELECT
    rule,
    any(name) AS name,
    argMax(f.attribution, f.time) AS attribution,
    server_ip,
    server_port,
    any(f.sni) AS sni,
    groupUniqArray(sensor) AS sensors,
    uniqExact(client_ip) AS clients,
    sum(greatest(f.count, 1)) AS times,
    max(f.severity_n) AS severity,
    max(time) AS last,
    argMax(explanation, time) AS explanation,
    argMax(fix, time) AS fix,
    argMax(session_id, time) AS example
FROM starttap.findings(since = {since:DateTime}, until = {until:DateTime}) AS f
WHERE startsWith(rule, 'mitm.') OR startsWith(rule, 'inject.') OR startsWith(rule, 'starttls.masked_')
    OR startsWith(rule, 'cert.interception_') OR startsWith(rule, 'tls.downgrade.')
    OR rule IN ('starttls.altered_keyword', 'cert.gateway_own', 'imap.preauth_cleartext')
    OR f.attribution IN ('attacker', 'security-appliance')
GROUP BY rule, server_ip, server_port
ORDER BY severity DESC, times DESC, rule, server_ip, server_port;

-- Where are we blind? What a sensor could not see, by reason, as a share of its sessions.
CREATE OR REPLACE VIEW starttap.blind AS
SELECT
    sensor,
    reason,
    count() AS sessions,
    any(total) AS all_sessions,
    round(100 * sessions / all_sessions, 1) AS percent,
    countIf(NOT complete) AS incomplete,
    uniqExact(server_ip, server_port) AS servers,
    sum(bytes_missed) AS bytes_missed,
    argMax(session_id, time) AS example
FROM
(
    SELECT *, count() OVER (PARTITION BY sensor) AS total
    FROM starttap.sessions(since = {since:DateTime}, until = {until:DateTime})
)
ARRAY JOIN reasons AS reason
GROUP BY sensor, reason
ORDER BY incomplete DESC, sessions DESC, sensor, reason;

-- The same from the sensors' own counters: packets that never came in. Sessions cannot tell of those.
CREATE OR REPLACE VIEW starttap.lost_packets AS
SELECT
    sensor,
    sum(packets) AS packets,
    sum(kernel_drops) AS kernel_drops,
    sum(interface_drops) AS interface_drops,
    round(100 * (kernel_drops + interface_drops) / greatest(packets + kernel_drops + interface_drops, 1), 3) AS percent_lost,
    sum(truncated) AS truncated,
    sum(bytes_missed) AS bytes_missed,
    sum(one_sided) AS one_sided_flows,
    sum(flows) AS flows,
    max(time) AS last
FROM (SELECT * FROM starttap.spans(since = {since:DateTime}, until = {until:DateTime}))
GROUP BY sensor
ORDER BY percent_lost DESC, sensor;
