-- SPDX-License-Identifier: Apache-2.0
-- What one sensor cannot know and several together can; load it after schema.sql and before the first events come.
--
-- One connection is named by its community id and both initial sequence numbers of TCP. Each direction shows both numbers (one
-- in its own SYN, the other, plus one, in its first acknowledgment), so a sensor that sees one direction knows them, too. No clock
-- takes part: sensors may be wrong by hours. Connections whose beginning was not seen have no such name and stay out.

-- One row for each connection, folded from the records of all sensors as they come, in any order. All columns are such that a
-- record that comes twice changes nothing.
CREATE TABLE IF NOT EXISTS starttap.connection
(
    community_id  String CODEC(ZSTD(1)),
    client_isn    UInt32,
    server_isn    UInt32,
    start         SimpleAggregateFunction(min, DateTime64(6, 'UTC')),
    time          SimpleAggregateFunction(max, DateTime64(6, 'UTC')),
    client_ip     SimpleAggregateFunction(max, String),
    client_port   SimpleAggregateFunction(max, UInt16),
    server_ip     SimpleAggregateFunction(max, String),
    server_port   SimpleAggregateFunction(max, UInt16),
    sensors       SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    session_ids   SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    saw_client    SimpleAggregateFunction(max, UInt8),
    saw_server    SimpleAggregateFunction(max, UInt8),
    protocols     SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    modes         SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    verdict_rank  SimpleAggregateFunction(max, UInt8),
    snis          SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    tls_versions  SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    ciphers       SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    certificates  SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
    offered_least SimpleAggregateFunction(min, Nullable(UInt8)),
    offered_most  SimpleAggregateFunction(max, Nullable(UInt8)),
    requested_least SimpleAggregateFunction(min, Nullable(UInt8)),
    requested_most SimpleAggregateFunction(max, Nullable(UInt8)),
    accepted      SimpleAggregateFunction(max, Nullable(UInt8)),
    findings      SimpleAggregateFunction(groupUniqArrayArray, Array(String))
)
ENGINE = AggregatingMergeTree
PARTITION BY toMonday(start)
ORDER BY (community_id, client_isn, server_isn);

CREATE MATERIALIZED VIEW IF NOT EXISTS starttap.to_connection TO starttap.connection AS
SELECT
    community_id,
    assumeNotNull(client_isn) AS client_isn,
    assumeNotNull(server_isn) AS server_isn,
    start,
    time,
    client_ip,
    client_port,
    server_ip,
    server_port,
    [toString(sensor)] AS sensors,
    [session_id] AS session_ids,
    sides IN ('both', 'client') AS saw_client,
    sides IN ('both', 'server') AS saw_server,
    arrayFilter(x -> x != '', [toString(protocol)]) AS protocols,
    arrayFilter(x -> x != '', [toString(mode)]) AS modes,
    toUInt8(indexOf(['protected', 'weak', 'failed', 'exposed', 'tampered'], verdict)) AS verdict_rank,
    arrayFilter(x -> x != '', [toString(sni)]) AS snis,
    arrayFilter(x -> x != '', [toString(tls_version)]) AS tls_versions,
    arrayFilter(x -> x != '', [toString(cipher)]) AS ciphers,
    arrayFilter(x -> x != '', [toString(cert_sha256)]) AS certificates,
    offered::Nullable(UInt8) AS offered_least,
    offered::Nullable(UInt8) AS offered_most,
    requested::Nullable(UInt8) AS requested_least,
    requested::Nullable(UInt8) AS requested_most,
    accepted::Nullable(UInt8) AS accepted,
    findings::Array(String) AS findings
FROM starttap.session
WHERE client_isn IS NOT NULL AND server_isn IS NOT NULL AND NOT midstream;

-- Every connection once, however many sensors saw it. A verdict that one sensor could give wins over "unknown" of another, and
-- the worse of two. `conflict` names what two sensors saw differently in the same connection: proof that something between
-- them rewrites it.
CREATE OR REPLACE VIEW starttap.connections AS
SELECT
    community_id, client_isn, server_isn,
    min(c.start) AS start, max(c.time) AS time,
    max(c.client_ip) AS client_ip, max(c.client_port) AS client_port, max(c.server_ip) AS server_ip, max(c.server_port) AS server_port,
    arraySort(groupUniqArrayArray(c.sensors)) AS sensors,
    arraySort(groupUniqArrayArray(c.session_ids)) AS session_ids,
    multiIf(max(saw_client) AND max(saw_server), 'both', max(saw_client), 'client', 'server') AS sides,
    arraySort(groupUniqArrayArray(c.protocols)) AS protocols,
    arraySort(groupUniqArrayArray(c.modes)) AS modes,
    ['unknown', 'protected', 'weak', 'failed', 'exposed', 'tampered'][max(verdict_rank) + 1] AS verdict,
    arraySort(groupUniqArrayArray(c.snis)) AS snis,
    arraySort(groupUniqArrayArray(c.tls_versions)) AS tls_versions,
    arraySort(groupUniqArrayArray(c.ciphers)) AS ciphers,
    arraySort(groupUniqArrayArray(c.certificates)) AS certificates,
    max(offered_most) AS offered, max(requested_most) AS requested, max(c.accepted) AS accepted,
    arraySort(groupUniqArrayArray(c.findings)) AS findings,
    arrayFilter(x -> x != '', [
        if(min(offered_least) != max(offered_most), 'offer', ''),
        if(min(requested_least) != max(requested_most), 'request', ''),
        if(length(ciphers) > 1, 'cipher', ''),
        if(length(certificates) > 1, 'certificate', '')]) AS conflict
FROM starttap.connection AS c
WHERE c.start >= {since:DateTime} AND c.start < {until:DateTime}
GROUP BY community_id, client_isn, server_isn;

-- Halves that two sensors brought together: neither saw both directions, both together did.
CREATE OR REPLACE VIEW starttap.halves AS
SELECT
    c.community_id AS community_id,
    c.sensor AS client_sensor,
    s.sensor AS server_sensor,
    c.client_ip AS client_ip, c.client_port AS client_port, c.server_ip AS server_ip, c.server_port AS server_port,
    c.sni AS sni,
    c.requested AS requested,
    s.offered AS offered,
    s.accepted AS accepted,
    s.tls_version AS tls_version,
    s.cipher AS cipher,
    s.cert_sha256 AS cert_sha256,
    multiIf(
        c.requested AND NOT s.offered, 'the client asks for what the server did not offer: the offer is put in on the way',
        s.offered AND c.mode IN ('plaintext', 'mixed') AND NOT ifNull(c.requested, 0), 'offered and not used',
        NOT s.offered AND c.mode = 'plaintext', 'not offered',
        s.verdict) AS together,
    c.session_id AS client_session,
    s.session_id AS server_session,
    dateDiff('second', c.start, s.start) AS clocks_apart
FROM (SELECT * FROM starttap.sessions(since = {since:DateTime}, until = {until:DateTime}) WHERE sides = 'client' AND NOT midstream) AS c
INNER JOIN (SELECT * FROM starttap.session FINAL WHERE sides = 'server' AND NOT midstream AND NOT open) AS s
    ON c.community_id = s.community_id AND c.client_isn = s.client_isn AND c.server_isn = s.server_isn
WHERE c.sensor != s.sensor;

-- One pair of addresses and ports at about the same time, but other sequence numbers at another sensor: something in between ends
-- the connection and begins another, or renumbers it (a transparent proxy, some firewalls). `differs` says what it changed.
-- skew: by how many seconds the sensors' clocks may differ.
CREATE OR REPLACE VIEW starttap.rewritten AS
SELECT
    a.community_id AS community_id,
    a.client_ip AS client_ip, a.client_port AS client_port, a.server_ip AS server_ip, a.server_port AS server_port,
    a.sensor AS sensor_a, b.sensor AS sensor_b,
    a.start AS start,
    arrayFilter(x -> x != '', [
        if(a.offered != b.offered, if(a.offered, 'STARTTLS offered at a only', 'STARTTLS offered at b only'), ''),
        if(a.requested != b.requested, if(a.requested, 'STARTTLS asked for at a only', 'STARTTLS asked for at b only'), ''),
        if(a.cert_sha256 != b.cert_sha256 AND a.cert_sha256 != '' AND b.cert_sha256 != '', 'certificate', ''),
        if(a.cipher != b.cipher AND a.cipher != '' AND b.cipher != '', 'cipher', '')]) AS differs,
    a.session_id AS session_a, b.session_id AS session_b
FROM (SELECT * FROM starttap.sessions(since = {since:DateTime}, until = {until:DateTime}) WHERE NOT midstream) AS a
INNER JOIN (SELECT * FROM starttap.sessions(since = {since:DateTime} - toIntervalSecond({skew:UInt32}),
                until = {until:DateTime} + toIntervalSecond({skew:UInt32})) WHERE NOT midstream) AS b
    ON a.community_id = b.community_id
WHERE a.sensor < b.sensor AND (a.client_isn != b.client_isn OR a.server_isn != b.server_isn)
    AND abs(dateDiff('second', a.start, b.start)) <= {skew:UInt32}
ORDER BY start, sensor_a, sensor_b;

-- The same server, here with STARTTLS and there without. A sensor counts when it saw the server's list at least `least` times
-- and it was always the same. `missing_at` are the sensors whose way to the server to look at.
CREATE OR REPLACE VIEW starttap.offered_here_not_there AS
SELECT
    server_ip,
    server_port,
    groupArrayIf(sensor, always) AS offered_at,
    groupArrayIf(sensor, never) AS missing_at,
    sumIf(seen, never) AS sessions_without,
    sumIf(clients, never) AS clients_without,
    maxIf(last, never) AS last
FROM
(
    SELECT server_ip, server_port, sensor, count() AS seen, min(offered) = 1 AS always, max(offered) = 0 AS never,
        uniqExact(client_ip) AS clients, max(time) AS last
    FROM starttap.sessions(since = {since:DateTime}, until = {until:DateTime})
    WHERE offered IS NOT NULL AND sides IN ('both', 'server')
    GROUP BY server_ip, server_port, sensor
    HAVING seen >= {least:UInt32}
    ORDER BY sensor
)
GROUP BY server_ip, server_port
HAVING notEmpty(offered_at) AND notEmpty(missing_at)
ORDER BY sessions_without DESC, server_ip, server_port;

-- The same server and name with another certificate at another sensor, at the same time: each of the two was seen at its sensor while
-- the other was in use at its own, and never at the other sensor. A server that changes its certificate, or has one for RSA and one for
-- EC, shows both everywhere; one behind a load balancer may not, which the issuers then tell.
CREATE OR REPLACE VIEW starttap.certificate_here_not_there AS
WITH seen AS
(
    SELECT server_ip, server_port, sni, sensor, cert_sha256, any(cert_issuer) AS issuer, count() AS sessions,
        min(time) AS first, max(time) AS last, argMax(session_id, time) AS example
    FROM starttap.sessions(since = {since:DateTime}, until = {until:DateTime})
    WHERE cert_sha256 != ''
    GROUP BY server_ip, server_port, sni, sensor, cert_sha256
),
places AS
(
    SELECT server_ip, server_port, sni, cert_sha256, groupUniqArray(sensor) AS sensors
    FROM seen
    GROUP BY server_ip, server_port, sni, cert_sha256
)
SELECT
    a.server_ip AS server_ip, a.server_port AS server_port, a.sni AS sni,
    a.sensor AS sensor_a, a.issuer AS issuer_a, a.sessions AS sessions_a, a.cert_sha256 AS certificate_a, a.example AS session_a,
    b.sensor AS sensor_b, b.issuer AS issuer_b, b.sessions AS sessions_b, b.cert_sha256 AS certificate_b, b.example AS session_b
FROM seen AS a
INNER JOIN seen AS b ON a.server_ip = b.server_ip AND a.server_port = b.server_port AND a.sni = b.sni
INNER JOIN places AS pa ON pa.server_ip = a.server_ip AND pa.server_port = a.server_port AND pa.sni = a.sni
    AND pa.cert_sha256 = a.cert_sha256
INNER JOIN places AS pb ON pb.server_ip = b.server_ip AND pb.server_port = b.server_port AND pb.sni = b.sni
    AND pb.cert_sha256 = b.cert_sha256
WHERE a.sensor < b.sensor AND a.cert_sha256 != b.cert_sha256
    AND NOT has(pa.sensors, b.sensor) AND NOT has(pb.sensors, a.sensor)
    AND a.first <= b.last + toIntervalSecond({skew:UInt32}) AND b.first <= a.last + toIntervalSecond({skew:UInt32})
ORDER BY server_ip, server_port, sni, sensor_a, sensor_b;

-- Stripping over the whole fleet, by sensor: how many servers that offer STARTTLS elsewhere do not here. One server points to
-- something near that server; several at one sensor point to something near the sensor.
CREATE OR REPLACE VIEW starttap.stripping AS
SELECT
    sensor,
    countDistinct(server_ip, server_port) AS servers_stripped,
    any(servers) AS servers_seen,
    sum(sessions_without) AS sessions_without,
    multiIf(servers_stripped >= 3, 'near this sensor', 'between this sensor and the server, or at the server') AS look,
    arraySort(groupUniqArray(concat(server_ip, ' port ', toString(server_port)))) AS which
FROM
(
    SELECT server_ip, server_port, sessions_without, arrayJoin(missing_at) AS sensor
    FROM starttap.offered_here_not_there(since = {since:DateTime}, until = {until:DateTime}, least = {least:UInt32})
) AS missing
INNER JOIN
(
    SELECT sensor, uniqExact(server_ip, server_port) AS servers
    FROM starttap.sessions(since = {since:DateTime}, until = {until:DateTime})
    WHERE offered IS NOT NULL
    GROUP BY sensor
) AS seen USING (sensor)
GROUP BY sensor
ORDER BY servers_stripped DESC, sensor;
