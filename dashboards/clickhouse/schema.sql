-- SPDX-License-Identifier: Apache-2.0
-- Tables for the events of starttap, one for each dataset, and the way in. Needs ClickHouse 24.8 or newer; run with 26.7.
--
--   clickhouse-client --multiquery < schema.sql
--   clickhouse-client --query "INSERT INTO starttap.line FORMAT LineAsString" < mail.jsonl
--
-- Everything enters through the table `line`, which keeps nothing: materialised views below take a line apart and put it where
-- it belongs, and `broken` keeps what is no event. So a file, HTTP and Kafka (kafka.sql) are taken apart by the same words.
--
-- A line that comes twice does no harm: (sensor, id) names an event, and of equal rows one remains. The sensor belongs to it, as
-- two sensors that see the same connection derive the same event.id. Until a merge has happened both rows are there: ask the
-- views sessions, findings, certificates and spans at the end, which read FINAL, and not the tables.

CREATE DATABASE IF NOT EXISTS starttap;

CREATE TABLE IF NOT EXISTS starttap.line
(
    line String
)
ENGINE = Null;

-- One row for each mail session and sensor.
CREATE TABLE IF NOT EXISTS starttap.session
(
    time            DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    start           DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    id              String CODEC(ZSTD(1)),
    sensor          LowCardinality(String),
    session_id      String CODEC(ZSTD(1)),
    open            Bool,
    community_id    String CODEC(ZSTD(1)),
    client_isn      Nullable(UInt32),
    server_isn      Nullable(UInt32),
    client_ip       String CODEC(ZSTD(1)),
    client_port     UInt16,
    server_ip       LowCardinality(String),
    server_port     UInt16,
    sni             LowCardinality(String),
    protocol        LowCardinality(String),
    role            LowCardinality(String),
    mode            LowCardinality(String),
    verdict         LowCardinality(String),
    outcome         LowCardinality(String),
    offered         Nullable(Bool),
    requested       Nullable(Bool),
    accepted        Nullable(Bool),
    reply           LowCardinality(String),
    tls_version     LowCardinality(String),
    cipher          LowCardinality(String),
    curve           LowCardinality(String),
    established     Nullable(Bool),
    resumed         Nullable(Bool),
    ja3             LowCardinality(String),
    ja4             LowCardinality(String),
    client_tls_max  LowCardinality(String),
    cert_visible    LowCardinality(String),
    cert_sha256     LowCardinality(String),
    cert_subject    LowCardinality(String),
    cert_issuer     LowCardinality(String),
    cert_not_after  Nullable(DateTime64(6, 'UTC')),
    cert_chain      Array(LowCardinality(String)),
    banner_host     LowCardinality(String),
    banner_software LowCardinality(String),
    helo            String CODEC(ZSTD(1)),
    findings        Array(LowCardinality(String)),
    notes           Array(LowCardinality(String)),
    sides           LowCardinality(String),
    complete        Bool,
    midstream       Bool,
    reasons         Array(LowCardinality(String)),
    bytes           UInt64,
    packets         UInt64,
    bytes_missed    UInt64,
    line            String CODEC(ZSTD(6)),
    INDEX by_session session_id TYPE bloom_filter GRANULARITY 4,
    INDEX by_connection community_id TYPE bloom_filter GRANULARITY 4,
    INDEX by_client client_ip TYPE bloom_filter GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toMonday(time)
ORDER BY (server_ip, server_port, time, sensor, id);

-- One row for each finding, and for each later rise in count or severity: same uid, next update.
CREATE TABLE IF NOT EXISTS starttap.finding
(
    time         DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    id           String CODEC(ZSTD(1)),
    sensor       LowCardinality(String),
    uid          String CODEC(ZSTD(1)),
    update       UInt32,
    rule         LowCardinality(String),
    name         LowCardinality(String),
    category     LowCardinality(String),
    severity     LowCardinality(String),
    severity_n   UInt8,
    confidence   UInt8,
    attribution  LowCardinality(String),
    variant      LowCardinality(String),
    count        UInt64,
    session_id   String CODEC(ZSTD(1)),
    community_id String CODEC(ZSTD(1)),
    client_ip    String CODEC(ZSTD(1)),
    client_port  UInt16,
    server_ip    LowCardinality(String),
    server_port  UInt16,
    sni          LowCardinality(String),
    protocol     LowCardinality(String),
    role         LowCardinality(String),
    mode         LowCardinality(String),
    message      String CODEC(ZSTD(3)),
    explanation  String CODEC(ZSTD(3)),
    fix          String CODEC(ZSTD(3)),
    techniques   Array(LowCardinality(String)),
    evidence     Array(String) CODEC(ZSTD(3)),
    line         String CODEC(ZSTD(6)),
    INDEX by_session session_id TYPE bloom_filter GRANULARITY 4,
    INDEX by_client client_ip TYPE bloom_filter GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toMonday(time)
ORDER BY (rule, server_ip, server_port, time, sensor, id);

-- One row for each new certificate of a server at a sensor; sessions name theirs by its SHA-256.
CREATE TABLE IF NOT EXISTS starttap.certificate
(
    time           DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    id             String CODEC(ZSTD(1)),
    sensor         LowCardinality(String),
    sha256         String CODEC(ZSTD(1)),
    spki_sha256    String CODEC(ZSTD(1)),
    server_ip      LowCardinality(String),
    server_port    UInt16,
    sni            LowCardinality(String),
    protocol       LowCardinality(String),
    subject        String CODEC(ZSTD(3)),
    issuer         LowCardinality(String),
    names          Array(String) CODEC(ZSTD(3)),
    not_before     Nullable(DateTime64(6, 'UTC')),
    not_after      Nullable(DateTime64(6, 'UTC')),
    serial         String CODEC(ZSTD(1)),
    key_algorithm  LowCardinality(String),
    key_size       UInt32,
    key_curve      LowCardinality(String),
    signature      LowCardinality(String),
    chain_position UInt8,
    chain_length   UInt8,
    ca             Nullable(Bool),
    self_signed    Nullable(Bool),
    verify_code    Nullable(Int32),
    verify_text    LowCardinality(String),
    anchor         LowCardinality(String),
    line           String CODEC(ZSTD(6))
)
ENGINE = ReplacingMergeTree
PARTITION BY toStartOfQuarter(time)
ORDER BY (sha256, server_ip, server_port, time, sensor, id);

-- What a sensor counted between start and time. All counters begin at start; a later row with the same start holds them all again.
CREATE TABLE IF NOT EXISTS starttap.stats
(
    time            DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    start           DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    id              String CODEC(ZSTD(1)),
    sensor          LowCardinality(String),
    version         LowCardinality(String),
    sequence        UInt64,
    packets         UInt64,
    bytes           UInt64,
    kernel_drops    UInt64,
    interface_drops UInt64,
    truncated       UInt64,
    bad_checksums   UInt64,
    bytes_missed    UInt64,
    gaps            UInt64,
    flows           UInt64,
    evicted         UInt64,
    one_sided       UInt64,
    midstream       UInt64,
    sessions        UInt64,
    events          UInt64,
    over_budget     UInt64,
    reasons         Map(LowCardinality(String), UInt64),
    line            String CODEC(ZSTD(6))
)
ENGINE = ReplacingMergeTree
PARTITION BY toStartOfQuarter(time)
ORDER BY (sensor, start, time, id);

-- Lines that are no events: cut on their way, of another program, of a schema that this file does not know.
CREATE TABLE IF NOT EXISTS starttap.broken
(
    arrived DateTime('UTC') DEFAULT now(),
    why     LowCardinality(String),
    line    String CODEC(ZSTD(3))
)
ENGINE = MergeTree
ORDER BY arrived
TTL arrived + INTERVAL 30 DAY;

CREATE MATERIALIZED VIEW IF NOT EXISTS starttap.to_broken TO starttap.broken AS
SELECT
    multiIf(
        NOT isValidJSON(line), 'not JSON',
        JSONExtractString(line, 'mailtls', 'schema') != '1', 'not schema 1 of starttap',
        JSONExtractString(line, 'event', 'dataset')
            NOT IN ('mailtls.session', 'mailtls.finding', 'mailtls.certificate', 'mailtls.stats'), 'unknown dataset',
        JSONExtractString(line, 'event', 'id') = '', 'no event.id',
        parseDateTime64BestEffortOrNull(JSONExtractString(line, '@timestamp'), 6, 'UTC') IS NULL, 'no @timestamp',
        '') AS why,
    line
FROM starttap.line
WHERE why != '' AND line != '';

CREATE MATERIALIZED VIEW IF NOT EXISTS starttap.to_session TO starttap.session AS
WITH JSONExtract(line, 'Tuple(
    `@timestamp` String,
    event Tuple(id String, start String, outcome String),
    observer Tuple(name String),
    source Tuple(ip String, port UInt16),
    destination Tuple(ip String, port UInt16),
    network Tuple(protocol String, community_id String, bytes UInt64, packets UInt64),
    tls Tuple(version String, version_protocol String, cipher String, curve String, resumed Nullable(Bool), established Nullable(Bool),
        client Tuple(server_name String, ja3 String),
        server Tuple(subject String, issuer String, not_after String, hash Tuple(sha256 String))),
    mailtls Tuple(session Tuple(id String), open Bool, role String, mode String, verdict String,
        banner Tuple(host String, software String), helo String,
        starttls Tuple(offered Nullable(Bool), requested Nullable(Bool), accepted Nullable(Bool), reply String),
        tls Tuple(client Tuple(version_max String, ja4 String),
            certificates Tuple(visible String, chain Array(Tuple(sha256 String)))),
        flow Tuple(client_isn Nullable(UInt32), server_isn Nullable(UInt32)),
        capture Tuple(sides String, complete Bool, midstream Bool, bytes_missed UInt64, reasons Array(String)),
        findings Array(String), notes Array(String)))') AS e
SELECT
    parseDateTime64BestEffort(e.`@timestamp`, 6, 'UTC') AS time,
    parseDateTime64BestEffortOrZero(e.event.start, 6, 'UTC') AS start,
    e.event.id AS id,
    e.observer.name AS sensor,
    e.mailtls.session.id AS session_id,
    e.mailtls.open AS open,
    e.network.community_id AS community_id,
    e.mailtls.flow.client_isn AS client_isn,
    e.mailtls.flow.server_isn AS server_isn,
    e.source.ip AS client_ip,
    e.source.port AS client_port,
    e.destination.ip AS server_ip,
    e.destination.port AS server_port,
    e.tls.client.server_name AS sni,
    e.network.protocol AS protocol,
    e.mailtls.role AS role,
    e.mailtls.mode AS mode,
    e.mailtls.verdict AS verdict,
    e.event.outcome AS outcome,
    e.mailtls.starttls.offered AS offered,
    e.mailtls.starttls.requested AS requested,
    e.mailtls.starttls.accepted AS accepted,
    e.mailtls.starttls.reply AS reply,
    if(e.tls.version = '', '', concat(upper(e.tls.version_protocol), ' ', e.tls.version)) AS tls_version,
    e.tls.cipher AS cipher,
    e.tls.curve AS curve,
    e.tls.established AS established,
    e.tls.resumed AS resumed,
    e.tls.client.ja3 AS ja3,
    e.mailtls.tls.client.ja4 AS ja4,
    e.mailtls.tls.client.version_max AS client_tls_max,
    e.mailtls.tls.certificates.visible AS cert_visible,
    e.tls.server.hash.sha256 AS cert_sha256,
    e.tls.server.subject AS cert_subject,
    e.tls.server.issuer AS cert_issuer,
    parseDateTime64BestEffortOrNull(e.tls.server.not_after, 6, 'UTC') AS cert_not_after,
    e.mailtls.tls.certificates.chain.sha256 AS cert_chain,
    e.mailtls.banner.host AS banner_host,
    e.mailtls.banner.software AS banner_software,
    e.mailtls.helo AS helo,
    e.mailtls.findings AS findings,
    e.mailtls.notes AS notes,
    e.mailtls.capture.sides AS sides,
    e.mailtls.capture.complete AS complete,
    e.mailtls.capture.midstream AS midstream,
    e.mailtls.capture.reasons AS reasons,
    e.network.bytes AS bytes,
    e.network.packets AS packets,
    e.mailtls.capture.bytes_missed AS bytes_missed,
    line
FROM starttap.line
WHERE JSONExtractString(line, 'event', 'dataset') = 'mailtls.session' AND JSONExtractString(line, 'mailtls', 'schema') = '1'
    AND id != '' AND parseDateTime64BestEffortOrNull(e.`@timestamp`, 6, 'UTC') IS NOT NULL AND isValidJSON(line);

CREATE MATERIALIZED VIEW IF NOT EXISTS starttap.to_finding TO starttap.finding AS
WITH JSONExtract(line, 'Tuple(
    `@timestamp` String,
    message String,
    event Tuple(id String, severity UInt8),
    rule Tuple(id String, name String, category String),
    observer Tuple(name String),
    source Tuple(ip String, port UInt16),
    destination Tuple(ip String, port UInt16),
    network Tuple(protocol String, community_id String),
    tls Tuple(client Tuple(server_name String)),
    threat Tuple(technique Tuple(id Array(String))),
    mailtls Tuple(role String, mode String,
        finding Tuple(uid String, update UInt32, count UInt64, severity String, confidence UInt8, attribution String, session_id String,
            variant String, explanation String, fix String,
            evidence Array(Tuple(kind String, side String, frame UInt64, file String, text String)))))') AS e
SELECT
    parseDateTime64BestEffort(e.`@timestamp`, 6, 'UTC') AS time,
    e.event.id AS id,
    e.observer.name AS sensor,
    e.mailtls.finding.uid AS uid,
    e.mailtls.finding.update AS update,
    e.rule.id AS rule,
    e.rule.name AS name,
    e.rule.category AS category,
    e.mailtls.finding.severity AS severity,
    e.event.severity AS severity_n,
    e.mailtls.finding.confidence AS confidence,
    e.mailtls.finding.attribution AS attribution,
    e.mailtls.finding.variant AS variant,
    e.mailtls.finding.count AS count,
    e.mailtls.finding.session_id AS session_id,
    e.network.community_id AS community_id,
    e.source.ip AS client_ip,
    e.source.port AS client_port,
    e.destination.ip AS server_ip,
    e.destination.port AS server_port,
    e.tls.client.server_name AS sni,
    e.network.protocol AS protocol,
    e.mailtls.role AS role,
    e.mailtls.mode AS mode,
    e.message AS message,
    e.mailtls.finding.explanation AS explanation,
    e.mailtls.finding.fix AS fix,
    e.threat.technique.id AS techniques,
    arrayMap(x -> concat(x.kind, ' of the ', x.side, ', frame ', toString(x.frame), if(x.text = '', '', concat(': ', x.text))),
        e.mailtls.finding.evidence) AS evidence,
    line
FROM starttap.line
WHERE JSONExtractString(line, 'event', 'dataset') = 'mailtls.finding' AND JSONExtractString(line, 'mailtls', 'schema') = '1'
    AND id != '' AND parseDateTime64BestEffortOrNull(e.`@timestamp`, 6, 'UTC') IS NOT NULL AND isValidJSON(line);

CREATE MATERIALIZED VIEW IF NOT EXISTS starttap.to_certificate TO starttap.certificate AS
WITH JSONExtract(line, 'Tuple(
    `@timestamp` String,
    event Tuple(id String),
    observer Tuple(name String),
    destination Tuple(ip String, port UInt16),
    network Tuple(protocol String),
    tls Tuple(client Tuple(server_name String),
        server Tuple(subject String, issuer String, not_before String, not_after String, hash Tuple(sha256 String),
            x509 Tuple(serial_number String, signature_algorithm String, public_key_algorithm String, public_key_size UInt32,
                public_key_curve String, alternative_names Array(String)))),
    mailtls Tuple(certificate Tuple(chain_position UInt8, chain_length UInt8, spki_sha256 String, ca Nullable(Bool),
        self_signed Nullable(Bool), verify Tuple(code Nullable(Int32), text String), anchor String)))') AS e
SELECT
    parseDateTime64BestEffort(e.`@timestamp`, 6, 'UTC') AS time,
    e.event.id AS id,
    e.observer.name AS sensor,
    e.tls.server.hash.sha256 AS sha256,
    e.mailtls.certificate.spki_sha256 AS spki_sha256,
    e.destination.ip AS server_ip,
    e.destination.port AS server_port,
    e.tls.client.server_name AS sni,
    e.network.protocol AS protocol,
    e.tls.server.subject AS subject,
    e.tls.server.issuer AS issuer,
    e.tls.server.x509.alternative_names AS names,
    parseDateTime64BestEffortOrNull(e.tls.server.not_before, 6, 'UTC') AS not_before,
    parseDateTime64BestEffortOrNull(e.tls.server.not_after, 6, 'UTC') AS not_after,
    e.tls.server.x509.serial_number AS serial,
    e.tls.server.x509.public_key_algorithm AS key_algorithm,
    e.tls.server.x509.public_key_size AS key_size,
    e.tls.server.x509.public_key_curve AS key_curve,
    e.tls.server.x509.signature_algorithm AS signature,
    e.mailtls.certificate.chain_position AS chain_position,
    e.mailtls.certificate.chain_length AS chain_length,
    e.mailtls.certificate.ca AS ca,
    e.mailtls.certificate.self_signed AS self_signed,
    e.mailtls.certificate.verify.code AS verify_code,
    e.mailtls.certificate.verify.text AS verify_text,
    e.mailtls.certificate.anchor AS anchor,
    line
FROM starttap.line
WHERE JSONExtractString(line, 'event', 'dataset') = 'mailtls.certificate' AND JSONExtractString(line, 'mailtls', 'schema') = '1'
    AND id != '' AND parseDateTime64BestEffortOrNull(e.`@timestamp`, 6, 'UTC') IS NOT NULL AND isValidJSON(line);

CREATE MATERIALIZED VIEW IF NOT EXISTS starttap.to_stats TO starttap.stats AS
WITH JSONExtract(line, 'Tuple(
    `@timestamp` String,
    event Tuple(id String, start String, sequence UInt64),
    observer Tuple(name String, version String),
    mailtls Tuple(stats Tuple(
        capture Tuple(packets UInt64, bytes UInt64, kernel_drops UInt64, interface_drops UInt64),
        packets Tuple(truncated UInt64, bad_checksums UInt64),
        reassembly Tuple(bytes_missed UInt64, gaps UInt64),
        flows Tuple(created UInt64, evicted UInt64, one_sided UInt64, midstream UInt64),
        sessions Tuple(records UInt64), output Tuple(events UInt64), certificates Tuple(over_budget UInt64),
        reasons Map(String, UInt64))))') AS e
SELECT
    parseDateTime64BestEffort(e.`@timestamp`, 6, 'UTC') AS time,
    parseDateTime64BestEffortOrZero(e.event.start, 6, 'UTC') AS start,
    e.event.id AS id,
    e.observer.name AS sensor,
    e.observer.version AS version,
    e.event.sequence AS sequence,
    e.mailtls.stats.capture.packets AS packets,
    e.mailtls.stats.capture.bytes AS bytes,
    e.mailtls.stats.capture.kernel_drops AS kernel_drops,
    e.mailtls.stats.capture.interface_drops AS interface_drops,
    e.mailtls.stats.packets.truncated AS truncated,
    e.mailtls.stats.packets.bad_checksums AS bad_checksums,
    e.mailtls.stats.reassembly.bytes_missed AS bytes_missed,
    e.mailtls.stats.reassembly.gaps AS gaps,
    e.mailtls.stats.flows.created AS flows,
    e.mailtls.stats.flows.evicted AS evicted,
    e.mailtls.stats.flows.one_sided AS one_sided,
    e.mailtls.stats.flows.midstream AS midstream,
    e.mailtls.stats.sessions.records AS sessions,
    e.mailtls.stats.output.events AS events,
    e.mailtls.stats.certificates.over_budget AS over_budget,
    e.mailtls.stats.reasons AS reasons,
    line
FROM starttap.line
WHERE JSONExtractString(line, 'event', 'dataset') = 'mailtls.stats' AND JSONExtractString(line, 'mailtls', 'schema') = '1'
    AND id != '' AND parseDateTime64BestEffortOrNull(e.`@timestamp`, 6, 'UTC') IS NOT NULL AND isValidJSON(line);

-- What to ask: repeats are gone, and of a session that was reported while open only the last record is left.
--   SELECT * FROM starttap.sessions(since = now() - INTERVAL 1 DAY, until = now())
CREATE VIEW IF NOT EXISTS starttap.sessions AS
SELECT * FROM starttap.session FINAL
WHERE time >= {since:DateTime} AND time < {until:DateTime}
ORDER BY open, time DESC
LIMIT 1 BY sensor, session_id;

CREATE VIEW IF NOT EXISTS starttap.findings AS
SELECT * FROM starttap.finding FINAL
WHERE time >= {since:DateTime} AND time < {until:DateTime}
ORDER BY update DESC
LIMIT 1 BY sensor, uid;

CREATE VIEW IF NOT EXISTS starttap.certificates AS
SELECT * FROM starttap.certificate FINAL;

-- What each run of a sensor counted within the span: counters only grow, so what they were at its end less what they were before it.
-- A sensor writes them at least once a day, so an hour more than that is enough to look back.
CREATE VIEW IF NOT EXISTS starttap.spans AS
SELECT
    sensor,
    start,
    max(s.time) AS time,
    max(s.packets) - maxIf(s.packets, s.time < {since:DateTime}) AS packets,
    max(s.bytes) - maxIf(s.bytes, s.time < {since:DateTime}) AS bytes,
    max(s.kernel_drops) - maxIf(s.kernel_drops, s.time < {since:DateTime}) AS kernel_drops,
    max(s.interface_drops) - maxIf(s.interface_drops, s.time < {since:DateTime}) AS interface_drops,
    max(s.truncated) - maxIf(s.truncated, s.time < {since:DateTime}) AS truncated,
    max(s.bad_checksums) - maxIf(s.bad_checksums, s.time < {since:DateTime}) AS bad_checksums,
    max(s.bytes_missed) - maxIf(s.bytes_missed, s.time < {since:DateTime}) AS bytes_missed,
    max(s.gaps) - maxIf(s.gaps, s.time < {since:DateTime}) AS gaps,
    max(s.flows) - maxIf(s.flows, s.time < {since:DateTime}) AS flows,
    max(s.evicted) - maxIf(s.evicted, s.time < {since:DateTime}) AS evicted,
    max(s.one_sided) - maxIf(s.one_sided, s.time < {since:DateTime}) AS one_sided,
    max(s.midstream) - maxIf(s.midstream, s.time < {since:DateTime}) AS midstream,
    max(s.sessions) - maxIf(s.sessions, s.time < {since:DateTime}) AS sessions,
    max(s.events) - maxIf(s.events, s.time < {since:DateTime}) AS events,
    max(s.over_budget) - maxIf(s.over_budget, s.time < {since:DateTime}) AS over_budget
FROM starttap.stats AS s
WHERE s.time >= {since:DateTime} - INTERVAL 25 HOUR AND s.time < {until:DateTime}
GROUP BY sensor, start
HAVING time >= {since:DateTime};
