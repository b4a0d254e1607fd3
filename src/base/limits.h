/* SPDX-License-Identifier: Apache-2.0
 * limits.h - every maximum of the program, with its reason. Reaching one costs detail of that flow,
 * is counted, and loses no finding that was already made.
 */
#ifndef LIMITS_H
#define LIMITS_H

/* capture: a record larger than any link's frame is a broken file. libpcap's own maximum is 262144.
 */
#define LIMIT_FRAME_BYTES (256u << 10)
/* capture: read in blocks that stay in the L2 cache (reference measurements: 256 KiB). */
#define LIMIT_BLOCK_BYTES (256u << 10)
/* capture: a pcapng block with options; larger ones are skipped by their length. */
#define LIMIT_PCAPNG_BLOCK_BYTES (16u << 20)
/* capture: a frame's options that are looked at with it; what is longer is passed by its length. */
#define LIMIT_RECORD_OPTIONS_BYTES (64u << 10)
/* capture: frames in one block; 256 KiB of mail traffic hold one to two thousand. */
#define LIMIT_BLOCK_FRAMES 4096u
/* capture: TLS secrets found in captures, together. */
#define LIMIT_SECRETS_BYTES (64u << 20)
/* capture: interfaces of one pcapng section that are told apart. */
#define LIMIT_PCAPNG_INTERFACES 4096u
/* capture: files that overlap in time and are open together. */
#define LIMIT_FILES_OPEN 256u
#define LIMIT_INTERFACES 32u
/* capture: files of one run; --follow can go on for years. */
#define LIMIT_FILES (4u << 20)
/* capture: link types of one run that a filter is compiled for. */
#define LIMIT_FILTER_LINK_TYPES 64u

/* packet: encapsulations followed before the innermost TCP; real networks nest three or four. */
#define LIMIT_ENCAPSULATIONS 16u
/* packet: IP datagrams under reassembly, and the bytes of one (RFC 791: 65535). */
#define LIMIT_FRAGMENT_DATAGRAMS 1024u
#define LIMIT_FRAGMENT_BYTES 65535u
#define LIMIT_FRAGMENTS_PER_DATAGRAM 512u
/* packet: capture time a datagram may take to become whole (Linux: 30 s; RFC 8200: 60 s). */
#define LIMIT_FRAGMENT_NS (UINT64_C(30) * 1000000000)
/* packet: headers between IPv6 and its payload, and labels of one MPLS stack. */
#define LIMIT_IPV6_EXTENSIONS 16u
#define LIMIT_MPLS_LABELS 16u

/* flow: shards are fixed, so that results do not depend on the number of workers. */
#define LIMIT_SHARDS 64u
/* flow: connections in one bucket of a shard's hash table; chance alone stays far below. */
#define LIMIT_BUCKET_FLOWS 32u
/* flow: bytes of one direction kept while a hole in front of them may still be filled. */
#define LIMIT_REORDER_BYTES (64u << 10)
#define LIMIT_REORDER_SEGMENTS 1024u
/* flow: capture time after which a hole counts as a gap (reordering takes milliseconds). */
#define LIMIT_REORDER_NS (INT64_C(2) * 1000000000)
/* flow: how long a reported connection still swallows late packets (retransmissions go on for
 * minutes). */
#define LIMIT_REPORTED_NS (INT64_C(300) * 1000000000)
/* flow: in-order bytes a reader of the stream has not consumed yet: a whole TLS record fits. */
#define LIMIT_PENDING_BYTES (20u << 10)

/* mail: RFC 5321 section 4.5.3.1 says 512 octets before extensions; real capability lists are
 * longer. */
#define LIMIT_LINE_BYTES 4096u
#define LIMIT_REPLY_LINES 256u
#define LIMIT_CAPABILITIES 64u
#define LIMIT_CAPABILITY_BYTES 128u
#define LIMIT_NAME_BYTES 256u
/* mail: texts of one dialogue that are kept: some lists at their maximum. */
#define LIMIT_MAIL_TEXT_BYTES (32u << 10)
/* mail: commands whose replies are outstanding. */
#define LIMIT_PIPELINE 128u
#define LIMIT_AUTH_ATTEMPTS 16u
#define LIMIT_NOTES 64u

/* tls: RFC 8446 section 5.2 allows 2^14 + 256; older versions 2^14 + 2048. */
#define LIMIT_TLS_RECORD_BYTES (16384u + 2048u)
/* tls: a handshake message that is kept whole; a Certificate message has its own maximum. */
#define LIMIT_TLS_MESSAGE_BYTES (64u << 10)
#define LIMIT_TLS_CERTIFICATE_MESSAGE_BYTES (512u << 10)
#define LIMIT_TLS_CIPHERS 512u
/* tls: hellos of one side that are decoded; two are normal (RFC 8446 section 4.1.4). */
#define LIMIT_TLS_HELLOS 16u
#define LIMIT_TLS_EXTENSIONS 128u
#define LIMIT_TLS_LIST 128u
#define LIMIT_TLS_ALERTS 16u
#define LIMIT_TLS_NOTES 32u

/* x509: before any parsing; OpenSSL's own client accepts 100 KiB in all. */
#define LIMIT_CHAIN_CERTIFICATES 32u
#define LIMIT_CERTIFICATE_BYTES (64u << 10)
#define LIMIT_CHAIN_VERIFY_CERTIFICATES 10u
/* x509: authorities that one worker keeps ready, some 10 KiB each; a site meets some dozens. */
#define LIMIT_AUTHORITIES_KEPT 64u
/* x509: signatures checked to tell which certificates of a chain belong together; three are many.
 */
#define LIMIT_CHAIN_SIGNATURES 6u
#define LIMIT_CERTIFICATE_NAMES 64u
/* x509: a whole subject or issuer as text; EV subjects reach 300 bytes, one with 42 common
 * names was seen. */
#define LIMIT_CERTIFICATE_NAME_BYTES 2048u
/* x509: chains one worker remembers, by number and by the memory of their facts (2 to 10 KiB each,
 * but an attacker's certificates are full of names). */
#define LIMIT_CHAIN_CACHE 8192u
#define LIMIT_CHAIN_CACHE_BYTES (64u << 20)
/* x509: of the rate at which new chains are parsed (x509.new_chains): the part that one sender may
 * use, the senders that one shard tells apart, and the capture time for which either may be saved
 * up: a thousand servers seen for the first time within a second stay below. */
#define LIMIT_CHAIN_SENDER_PART 25
#define LIMIT_CHAIN_SENDERS 256u
#define LIMIT_CHAIN_RESERVE_NS (INT64_C(8) * 1000000000)
#define LIMIT_CHAIN_SENDER_RESERVE_NS (INT64_C(64) * 1000000000)
/* x509: chains that a shard knows to be paid for; those of all shards fit into one cache. */
#define LIMIT_CHAINS_GRANTED (LIMIT_CHAIN_CACHE / LIMIT_SHARDS)
/* x509: the facts of one chain; LIMIT_CHAIN_CERTIFICATES full ones stay below. */
#define LIMIT_CHAIN_BYTES (1u << 20)
/* x509: verdicts and name answers remembered for one chain. */
#define LIMIT_CHAIN_VERDICTS 4u
#define LIMIT_CHAIN_NAMES 6u

/* session: a connection on a mail port on which nobody speaks is worth a look after this long. */
#define LIMIT_SILENCE_NS (INT64_C(10) * 1000000000)
/* session: names that a server's certificate is compared with. */
#define LIMIT_SERVER_NAMES 6u
/* session: all that one session keeps. */
#define LIMIT_SESSION_BYTES (1u << 20)
/* detect: the facts of one session as plugins see them. */
#define LIMIT_FACTS_BYTES (2u << 20)
/* detect: findings of one session; their values and evidence. */
#define LIMIT_FINDINGS 64u
#define LIMIT_FINDING_VALUES 32u
#define LIMIT_FINDING_EVIDENCE 16u
#define LIMIT_FINDING_BYTES (64u << 10)
#define LIMIT_DETECTORS 64u
/* detect: a data file of lists.dir; the longest built-in one has some 60 KiB. */
#define LIMIT_LIST_BYTES (4u << 20)
/* detect: an explanation or a fix; values are bounded too, but a text may name one often. */
#define LIMIT_EXPLANATION_BYTES (16u << 10)
/* excerpt: frames of one session, and the bytes of one side that are read for what may be shown. */
#define LIMIT_EXCERPT_BYTES (64u << 20)
#define LIMIT_EXCERPT_STREAM (1u << 20)
/* event: one event while it is made; a session's facts, each text escaped, stay far below. */
#define LIMIT_EVENT_BYTES (16u << 20)
/* event: a text from the wire in an event. */
#define LIMIT_TEXT_BYTES 256u

/* output: findings whose repetitions are counted at a time; each keeps its printed event, some
 * kilobytes. */
#define LIMIT_RECENT_FINDINGS 8192u

/* output: of one run. */
#define LIMIT_OUTPUTS 32u
/* output: kinds of outputs (built in, and again loaded), and options of one: hand-written. */
#define LIMIT_OUTPUT_KINDS 32u
#define LIMIT_OUTPUT_OPTIONS 32u
/* output: messages and bytes of a batch, where the receiver has no wish of its own; two vectors for
 * each message fit into one writev(). */
#define LIMIT_OUTPUT_BATCH 500u
#define LIMIT_OUTPUT_BATCH_BYTES (1u << 20)
/* output: the shortest size that events can be shrunk to. */
#define LIMIT_OUTPUT_EVENT_LEAST 512u
/* output: at the end of a run, without progress; and for one batch. */
#define LIMIT_OUTPUT_DRAIN_S 10u
#define LIMIT_OUTPUT_WAIT_S 10u
/* output: what waits for a receiver, in memory and on disk unless said otherwise. It is taken as a
 * whole at the start, so that the disk cannot be full later. */
#define LIMIT_SPOOL_MEMORY_BYTES (UINT64_C(64) << 20)
#define LIMIT_SPOOL_DISK_BYTES (UINT64_C(256) << 20)
/* output: parts of a spool; one is what is given up at a time when it is full, and the longest
 * event.
 */
#define LIMIT_SPOOL_SLOTS 64u
/* output: groups of the user as whom senders run; getgrouplist() is asked for no more. */
#define LIMIT_USER_GROUPS 64
/* output: messages that a plugin may ask for at a time. */
#define LIMIT_SENDER_BATCH 10000u
#define LIMIT_SPOOL_LEAST_BYTES (UINT64_C(4) << 20)
#define LIMIT_SPOOL_MOST_BYTES (UINT64_C(64) << 30)

/* program, on interfaces: blocks of one reader that wait for the workers. What a busy reader took
 * waits until the others say that nothing earlier follows; one that hears nothing says so 100 ms
 * after the fact. 64 full blocks of 256 KiB in 100 ms are 1.3 Gbit/s for each reader; what is more
 * waits in the kernel's ring. */
#define LIMIT_RING_BLOCKS 64u
/* program: packets that a worker takes in one go before it hands in events and frees blocks: some
 * milliseconds of work. */
#define LIMIT_TURN_PACKETS 4096u
/* program: events of one worker that wait for the ordered thread before it goes on. */
#define LIMIT_EVENTS_HANDED 4096u

/* program: a configuration is written by hand; more is a mistake about which file was given. */
#define LIMIT_CONFIG_BYTES (256u << 10)
#define LIMIT_CONFIG_LIST 512u
#define LIMIT_CONFIG_PORTS 512u
#define LIMIT_CONFIG_NAME 128u
/* program: YAML nodes in one file; names are compared with each other inside a mapping. */
#define LIMIT_CONFIG_NODES 16384u

#endif
