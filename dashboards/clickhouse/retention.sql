-- SPDX-License-Identifier: Apache-2.0
-- How long to keep; change it to what you may and must keep. Sessions name who spoke with whom: check with your data protection.
-- A second step drops the raw line earlier than the columns, after which a session costs a third.

ALTER TABLE starttap.session MODIFY TTL toDateTime(time) + INTERVAL 90 DAY;

ALTER TABLE starttap.session MODIFY COLUMN line String CODEC(ZSTD(6)) TTL toDateTime(time) + INTERVAL 14 DAY;

ALTER TABLE starttap.finding MODIFY TTL toDateTime(time) + INTERVAL 400 DAY;

ALTER TABLE starttap.certificate MODIFY TTL toDateTime(time) + INTERVAL 800 DAY;

ALTER TABLE starttap.stats MODIFY TTL toDateTime(time) + INTERVAL 400 DAY;

ALTER TABLE starttap.connection MODIFY TTL toDateTime(start) + INTERVAL 90 DAY;
