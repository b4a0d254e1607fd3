// SPDX-License-Identifier: Apache-2.0
// What each view of dashboards/clickhouse must answer to a handful of samples. The rows were written from what the samples are
// known to hold (samples/README.md), not from what the views say. `events`: see events.py; `edit` changes events to what no sample
// has. `columns` are compared, in any order of rows.
const DAY = ["2026-11-22 00:00:00", "2026-11-23 00:00:00"];
const LATER = ["2026-11-22 00:00:00", "2027-02-01 00:00:00"];

const V4 = "198.51.100.10";
const V6 = "2001:db8:1::10";
const MX = "192.0.2.25";
const MX6 = "2001:db8::25";
const IMAP = "192.0.2.143";
const IMAP6 = "2001:db8::143";
const OLD = "192.0.2.28";
const CISCO = "192.0.2.29";

const of = (dataset, change) => (event) => {
  if (event.event.dataset === "mailtls." + dataset) change(event);
  return event;
};

export const cases = [
  {
    view: "clear_senders",
    events: ["imap-login-clear", "smtp-mx-without-tls", "smtp-cisco-masked", "smtp-454-refused", "smtp-starttls-agreed-then-clear",
      "imap-null-cipher", "imap-preauth", "pop3-apop-clear", "lmtp-clear", "smtp-clear-offered-not-used", "smtp-cram-md5-clear",
      // in TLS, or without anything that crossed:
      "smtp-starttls-tls12", "smtp-530-must-starttls", "smtps-clear-service", "imap-implicit-tls13"],
    columns: ["client_ip", "server_ip", "server_port", "why", "sessions", "logins", "messages"],
    rows: [
      [V4, IMAP, 143, "the client does not use what is offered", 1, 1, 0],
      [V4, MX, 25, "the server offers no STARTTLS", 1, 0, 1],
      [V4, CISCO, 25, "a device in between changes the dialogue", 1, 0, 1],
      [V4, "192.0.2.27", 25, "the server refuses its own STARTTLS", 1, 0, 1],
      [V4, MX, 25, "STARTTLS was agreed on, and clear text went on", 1, 1, 0],
      [V4, OLD, 143, "TLS with a cipher that does not encrypt", 1, 0, 0],
      [V6, IMAP6, 143, "the server's greeting (PREAUTH) forbids STARTTLS", 1, 0, 0],
      [V6, IMAP6, 110, "the client asks neither what is offered nor for TLS", 1, 1, 0],
      [V4, IMAP, 24, "the client does not use what is offered", 1, 0, 1],
      [V4, MX, 587, "the client does not use what is offered", 2, 2, 2],
    ],
  },
  {
    view: "broke",
    events: ["smtp-exim-tls12-86400s", "imap-implicit-tls13-86400s", "imap-starttls-tls12-86400s", "lmtp-starttls-86400s",
      "smtp-opensmtpd-alert-80", "imap-implicit-tls13", "imap-login-clear", "smtp-tls-on-587"],
    columns: ["server_ip", "server_port", "what", "sessions", "sessions_before"],
    rows: [
      [MX, 25, "verdict: failed", 1, 1],
      [MX, 25, "starttls.handshake_failed", 1, 1],
      [MX, 25, "tls.alert", 1, 1],
      [IMAP, 143, "verdict: exposed", 1, 1],
      [IMAP, 143, "auth.before_starttls", 1, 1],
      [IMAP, 143, "auth.cleartext", 1, 1], // auth.cleartext_offered was there the day before
      [IMAP, 143, "starttls.offered_not_used", 1, 1],
      [IMAP, 24, "no sessions any more", 0, 1],
    ],
  },
  {
    view: "old_tls",
    events: ["smtp-tls10-mx", "smtp-starttls-tls13", "implicit-465-tls10-oldserver", "smtp-ssl3", "smtp-exim-tls12"],
    columns: ["server_ip", "server_port", "versions", "old_sessions", "tls_sessions", "knows_better", "client_is_the_limit"],
    rows: [
      [MX6, 25, ["TLS 1.0"], 1, 2, 1, 1],
      [OLD, 465, ["TLS 1.0"], 1, 1, 0, 0],
      [OLD, 25, ["SSL 3.0"], 1, 1, 0, 1],
    ],
  },
  {
    view: "expiring",
    name: "over already",
    events: ["smtps-expired-cert", "imaps-client-clock-wrong", "smtp-starttls-tls12"],
    columns: ["server_ip", "server_port", "kind", "days_left", "sessions", "asked_for"],
    rows: [["192.0.2.26", 465, "server", -36, 1, ["mx.example.org"]]],
  },
  {
    view: "expiring",
    name: "19 days before the end, in use by two sensors",
    span: LATER,
    events: ["smtp-exim-tls12@dc1", "smtp-mirror-twice@dc2"],
    columns: ["server_ip", "server_port", "kind", "days_left", "sessions"],
    rows: [[MX, 25, "server", 19, 2]],
  },
  {
    view: "expiring",
    name: "followed by a longer one",
    span: LATER,
    events: ["smtp-exim-tls12", "smtp-starttls-tls12+86400s"],
    columns: ["server_ip", "days_left"],
    rows: [],
  },
  {
    view: "expiring",
    name: "the longer one was before it",
    span: LATER,
    events: ["smtp-exim-tls12", "smtp-starttls-tls12"],
    columns: ["server_ip", "days_left"],
    rows: [[MX, 19]],
  },
  {
    view: "expiring",
    name: "the authority in between as well",
    span: ["2026-11-22 00:00:00", "2031-11-01 00:00:00"],
    events: ["smtp-exim-tls12"],
    columns: ["kind", "subject", "days_left"],
    rows: [
      ["server", "CN=mx.example.org", -1715],
      ["intermediate", "CN=Example Mail Intermediate CA,O=Example Mail", 20],
    ],
  },
  {
    view: "in_between",
    events: ["smtp-cisco-masked", "smtp-fortigate-resigned", "smtp-cisco-masked-two-taps", "smtp-downgrade-sentinel",
      "imaps-own-private-authority", "smtp-tls12-client-sentinel", "smtp-exim-tls12", "smtp-mx-without-tls"],
    columns: ["rule", "server_ip", "server_port", "clients", "times", "severity"],
    rows: [
      ["starttls.masked_capability", CISCO, 25, 1, 1, 90],
      ["starttls.masked_banner", CISCO, 25, 1, 1, 50],
      ["mitm.middlebox_esmtp_filter", CISCO, 25, 1, 1, 50],
      ["cert.interception_issuer", MX, 25, 1, 1, 70],
      ["mitm.payload_conflict", MX, 25, 1, 1, 90],
      ["tls.downgrade.sentinel", MX6, 25, 1, 1, 70],
    ],
  },
  {
    view: "blind",
    events: ["smtp-client-side-only@dc1", "smtp-server-side-only@dc1", "smtp-exim-tls12@dc1", "smtp-lossy-tap-certificate@dc2",
      "imap-implicit-tls13@dc2"],
    columns: ["sensor", "reason", "sessions", "all_sessions", "percent", "incomplete", "bytes_missed"],
    rows: [
      ["dc1", "server_missing", 1, 3, 33.3, 1, 0],
      ["dc1", "client_missing", 1, 3, 33.3, 1, 0],
      ["dc2", "gap", 1, 2, 50, 1, 1448],
      ["dc2", "certificates_encrypted", 1, 2, 50, 0, 0],
    ],
  },
  {
    view: "lost_packets",
    name: "a later report of the same run replaces the earlier one",
    events: ["smtp-exim-tls12@dc1", "smtp-exim-tls12@dc2", "smtp-exim-tls12@dc3"],
    edit: of("stats", (e) => {
      const { capture } = e.mailtls.stats;
      capture.packets = 900;
      if (e.observer.name === "dc1") capture.kernel_drops = 100;
      if (e.observer.name === "dc3") {
        // The same span again, one second longer: counters only grow.
        Object.assign(e.event, { id: "aaaaaaaaaaaaaaaaaaaa" });
        e["@timestamp"] = e["@timestamp"].replace(/\.\d+Z/, ".999999Z");
        e.observer.name = "dc2";
        capture.packets = 1800;
        capture.interface_drops = 200;
      }
    }),
    columns: ["sensor", "packets", "kernel_drops", "interface_drops", "percent_lost"],
    rows: [
      ["dc1", 900, 100, 0, 10],
      ["dc2", 1800, 0, 200, 10],
    ],
  },
  {
    view: "lost_packets",
    name: "of a run that began before the span only what came since",
    events: ["smtp-exim-tls12@dc1-64800s", "smtp-exim-tls12@dc1"],
    edit: of("stats", (e) => {
      const today = e["@timestamp"].startsWith("2026-11-22");
      e.event.start = "2026-11-20T00:00:00.000000Z";
      Object.assign(e.mailtls.stats.capture, { packets: today ? 1500 : 600, kernel_drops: today ? 120 : 20 });
    }),
    columns: ["sensor", "packets", "kernel_drops", "percent_lost"],
    rows: [["dc1", 900, 100, 10]],
  },
  {
    view: "connections",
    name: "two halves, five minutes apart by their clocks, and a whole one",
    events: ["smtp-starttls-tls12/only-client@dc1", "smtp-starttls-tls12/only-server@dc2+300s", "smtp-exim-tls12@dc1"],
    columns: ["sensors", "sides", "verdict", "offered", "requested", "conflict", "tls_versions"],
    rows: [
      [["dc1", "dc2"], "both", "protected", 1, 1, [], ["TLS 1.2"]],
      [["dc1"], "both", "protected", 1, 1, [], ["TLS 1.2"]],
    ],
  },
  {
    view: "connections",
    name: "what two taps saw differently",
    events: ["smtp-cisco-masked-two-taps/near-client@dc1", "smtp-cisco-masked-two-taps/near-server@dc2"],
    columns: ["sensors", "verdict", "conflict"],
    rows: [[["dc1", "dc2"], "tampered", ["offer"]]],
  },
  {
    view: "connections",
    name: "without its beginning a connection has no name",
    events: ["smtp-exim-tls12/midstream@dc1"],
    columns: ["sensors"],
    rows: [],
  },
  {
    view: "halves",
    events: ["smtp-starttls-tls12/only-client@dc1", "smtp-starttls-tls12/only-server@dc2+200000s",
      "smtp-mx-without-tls/only-client@dc1", "smtp-mx-without-tls/only-server@dc2-7200s",
      "smtp-clear-offered-not-used/only-client@dc2", "smtp-clear-offered-not-used/only-server@dc1",
      // The same addresses and ports, but another connection: must not be taken for its other half.
      "smtp-starttls-stripped/only-client@dc1", "smtp-starttls-stripped-server-side/only-server@dc2",
      "smtp-exim-tls12@dc1"],
    columns: ["client_sensor", "server_sensor", "server_port", "together", "clocks_apart"],
    rows: [
      ["dc1", "dc2", 25, "protected", 200000],
      ["dc1", "dc2", 25, "not offered", -7200],
      ["dc2", "dc1", 587, "offered and not used", 0],
    ],
  },
  {
    view: "halves",
    name: "an offer that came from nowhere",
    events: ["smtp-starttls-tls12/only-client@dc1", "smtp-starttls-tls12/only-server@dc2"],
    edit: of("session", (e) => {
      if (e.observer.name === "dc2") e.mailtls.starttls = { offered: false };
    }),
    columns: ["together"],
    rows: [["the client asks for what the server did not offer: the offer is put in on the way"]],
  },
  {
    view: "rewritten",
    arguments: { skew: 5 },
    events: ["smtp-starttls-stripped@dc1", "smtp-starttls-stripped-server-side@dc2", "smtp-exim-tls12@dc1", "smtp-exim-tls12@dc2"],
    columns: ["server_ip", "server_port", "sensor_a", "sensor_b", "differs"],
    rows: [[MX, 25, "dc1", "dc2", ["STARTTLS offered at b only"]]],
  },
  {
    view: "rewritten",
    name: "an hour apart it is another connection",
    arguments: { skew: 5 },
    events: ["smtp-starttls-stripped@dc1", "smtp-starttls-stripped-server-side@dc2+3600s"],
    columns: ["server_ip"],
    rows: [],
  },
  {
    view: "offered_here_not_there",
    arguments: { least: 1 },
    events: ["smtp-starttls-stripped@dc1", "smtp-exim-tls12@dc2", "imap-starttls-tls12@dc1", "imap-starttls-tls12@dc2",
      "smtp-mx-without-tls@dc3", "smtp-exim-tls12@dc3"], // dc3 saw both: not always the same
    columns: ["server_ip", "server_port", "offered_at", "missing_at", "sessions_without", "clients_without"],
    rows: [[MX, 25, ["dc2"], ["dc1"], 1, 1]],
  },
  {
    view: "offered_here_not_there",
    name: "once is not enough where twice are asked for",
    arguments: { least: 2 },
    events: ["smtp-starttls-stripped@dc1", "smtp-exim-tls12@dc2"],
    columns: ["server_ip"],
    rows: [],
  },
  {
    view: "certificate_here_not_there",
    arguments: { skew: 3600 },
    events: ["smtp-fortigate-resigned@dc1", "smtp-exim-tls12@dc2"],
    columns: ["server_ip", "server_port", "sensor_a", "issuer_a", "sensor_b", "issuer_b"],
    rows: [[MX, 25, "dc1", "CN=FortiGate CA,OU=Certificate Authority,O=Fortinet,L=Sunnyvale,ST=California,C=US",
      "dc2", "CN=Example Mail Intermediate CA,O=Example Mail"]],
  },
  {
    view: "certificate_here_not_there",
    name: "one sensor saw both: the server has two, or changed it",
    arguments: { skew: 86400 },
    events: ["smtp-starttls-tls12@dc1", "smtp-exim-tls12@dc1", "smtp-exim-tls12@dc2"],
    columns: ["server_ip"],
    rows: [],
  },
  {
    view: "certificate_here_not_there",
    name: "and the other way round",
    arguments: { skew: 86400 },
    events: ["smtp-starttls-tls12@dc2", "smtp-exim-tls12@dc2", "smtp-exim-tls12@dc1"],
    columns: ["server_ip"],
    rows: [],
  },
  {
    view: "certificate_here_not_there",
    name: "one after the other: the server changed it",
    arguments: { skew: 3600 },
    events: ["smtp-starttls-tls12@dc1", "smtp-exim-tls12@dc2+80000s"],
    span: LATER,
    columns: ["server_ip"],
    rows: [],
  },
  {
    view: "stripping",
    name: "three servers at one sensor: look near it",
    arguments: { least: 1 },
    events: ["smtp-starttls-stripped@dc1", "smtp-exim-tls12@dc2", "imap-starttls-tls12@dc1", "imap-starttls-tls12@dc2", "pop3-stls@dc1",
      "pop3-stls@dc2"],
    edit: of("session", (e) => {
      if (e.observer.name === "dc1") e.mailtls.starttls.offered = false;
    }),
    columns: ["sensor", "servers_stripped", "servers_seen", "look", "which"],
    rows: [["dc1", 3, 3, "near this sensor", [`${IMAP} port 110`, `${IMAP} port 143`, `${MX} port 25`]]],
  },
  {
    view: "stripping",
    name: "one server at one sensor",
    arguments: { least: 1 },
    events: ["smtp-starttls-stripped@dc1", "smtp-exim-tls12@dc2", "imap-starttls-tls12@dc1"],
    columns: ["sensor", "servers_stripped", "servers_seen", "look"],
    rows: [["dc1", 1, 2, "between this sensor and the server, or at the server"]],
  },
].map((one) => ({ span: DAY, arguments: {}, edit: (e) => e, ...one }));
