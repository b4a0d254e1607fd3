/* SPDX-License-Identifier: Apache-2.0
 * test_spool.c - the log between program and sender: order, what is given up first, and what lies
 * on disk cut or changed at every byte.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "limits.h"
#include "log.h"
#include "spool.h"

enum { SLOT = 4096, SIZE = SLOT * LIMIT_SPOOL_SLOTS, BODY = 600 };

static struct spool *open_spool(const char *folder)
{
    char why[4400] = "";
    struct spool *spool = spool_open(folder, SIZE, why, sizeof why);
    assert_string_equal(why, "");
    assert_non_null(spool);
    return spool;
}

static enum spool_put put(struct spool *spool, unsigned number, uint8_t dataset, bool may_drop)
{
    char id[16], *room;
    snprintf(id, sizeof id, "%u", number);
    struct starttap_message message = {
        .len = BODY, .id = id, .key = "key", .time_us = number, .dataset = dataset, .severity = 30
    };
    enum spool_put result = spool_room(spool, &message, may_drop, &room);
    if (result == SPOOL_PUT) {
        memset(room, 'a' + (int)(number % 26), BODY);
        spool_commit(spool);
    }
    return result;
}

static unsigned number_of(const struct starttap_message *message)
{
    unsigned number = (unsigned)strtoul(message->id, NULL, 10);
    assert_int_equal(message->len, BODY);
    assert_string_equal(message->key, "key");
    assert_int_equal(message->time_us, number);
    assert_int_equal(message->severity, 30);
    assert_int_equal(message->bytes[0], 'a' + (int)(number % 26));
    assert_int_equal(message->bytes[BODY - 1], 'a' + (int)(number % 26));
    return number;
}

static uint8_t dataset_of(unsigned number) { return (uint8_t)(number * 7 % 4); }

static void remove_spool(const char *folder)
{
    char path[128];
    static const char *const names[] = { "lock", "events", "events.damaged" };
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void test_order(void **state)
{
    (void)state;
    struct spool *spool = open_spool(NULL);
    struct spool_reader *reader = spool_reader_new(spool);
    struct starttap_message messages[64];
    unsigned next_put = 0, next_read = 0;
    /* Far more than fits at a time, with batches of all sizes, of which a part is dealt with. */
    for (unsigned round = 0; round < 3000; round++) {
        for (unsigned i = 0; i < round % 5; i++)
            if (put(spool, next_put, dataset_of(next_put), false) == SPOOL_PUT)
                next_put++;
        size_t count = spool_reader_next(reader, messages, 1 + round % 64, BODY * (round % 9));
        for (size_t i = 0; i < count; i++)
            assert_int_equal(number_of(&messages[i]), next_read + i);
        size_t done = count > 2 && round % 3 == 0 ? count - 2 : count;
        (void)spool_reader_done(reader, done);
        next_read += (unsigned)done;
    }
    assert_true(next_read > 5000);
    for (size_t count; (count = spool_reader_next(reader, messages, 64, SIZE)) > 0;) {
        (void)spool_reader_done(reader, count);
        next_read += (unsigned)count;
    }
    assert_int_equal(next_read, next_put);
    assert_int_equal(spool_bytes_waiting(spool), 0);
    spool_reader_free(reader);
    spool_close(spool);
}

static void test_importance(void **state)
{
    (void)state;
    struct spool *spool = open_spool(NULL);
    unsigned number = 0;
    for (; put(spool, number, STARTTAP_DATASET_STATS, true) == SPOOL_PUT; number++)
        ;
    unsigned stats = number;
    assert_true(stats > 6 * (LIMIT_SPOOL_SLOTS - 1));
    assert_int_equal(put(spool, number, STARTTAP_DATASET_SESSION, false), SPOOL_FULL);
    unsigned sessions = 0, findings = 0;
    while (spool_given_up(spool, STARTTAP_DATASET_STATS) < stats) {
        assert_int_equal(put(spool, number++, STARTTAP_DATASET_SESSION, true), SPOOL_PUT);
        sessions++;
    }
    while (put(spool, number, STARTTAP_DATASET_SESSION, true) == SPOOL_PUT)
        number++, sessions++;
    assert_int_equal(put(spool, number, STARTTAP_DATASET_STATS, true), SPOOL_FULL);
    assert_int_equal(spool_given_up(spool, STARTTAP_DATASET_SESSION), 0);

    /* A reader that is at the oldest sessions keeps them. */
    struct starttap_message messages[3];
    struct spool_reader *reader = spool_reader_new(spool);
    assert_int_equal(spool_reader_next(reader, messages, 3, SIZE), 3);
    unsigned first = number_of(&messages[0]);
    while (put(spool, number, STARTTAP_DATASET_FINDING, true) == SPOOL_PUT)
        number++, findings++;
    assert_int_equal(number_of(&messages[0]), first);
    uint64_t counts[SPOOL_DATASETS] = { 0 };
    (void)spool_waiting(spool, counts);
    assert_int_equal(counts[STARTTAP_DATASET_FINDING], findings);
    assert_int_equal(counts[STARTTAP_DATASET_STATS], 0);
    assert_true(counts[STARTTAP_DATASET_SESSION] > 0 && counts[STARTTAP_DATASET_SESSION] < 8);
    assert_int_equal(counts[STARTTAP_DATASET_SESSION] +
                         spool_given_up(spool, STARTTAP_DATASET_SESSION),
                     sessions);
    assert_int_equal(spool_given_up(spool, STARTTAP_DATASET_FINDING), 0);
    spool_reader_free(reader);
    spool_close(spool);
}

static void test_too_long(void **state)
{
    (void)state;
    struct spool *spool = open_spool(NULL);
    char *room;
    struct starttap_message message = { .len = SLOT, .id = "", .key = "" };
    assert_int_equal(spool_room(spool, &message, true, &room), SPOOL_TOO_LONG);
    spool_close(spool);
}

static void test_next_run(void **state)
{
    (void)state;
    char folder[] = "/tmp/starttap-spool-XXXXXX", why[4400];
    assert_non_null(mkdtemp(folder));
    struct spool *spool = open_spool(folder);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(put(spool, i, dataset_of(i), false), SPOOL_PUT);
    struct starttap_message messages[40];
    struct spool_reader *reader = spool_reader_new(spool);
    assert_int_equal(spool_reader_next(reader, messages, 5, SIZE), 5);
    (void)spool_reader_done(reader, 5);
    assert_int_equal(spool_reader_next(reader, messages, 5, SIZE), 5); /* read and not done */
    spool_reader_free(reader);
    assert_null(spool_open(folder, SIZE, why, sizeof why)); /* another run */
    assert_non_null(strstr(why, "another run"));
    spool_close(spool);

    /* Many runs in which nobody reads: what they begin does not fill the spool. */
    for (unsigned i = 20; i < 40; i++) {
        spool = open_spool(folder);
        assert_int_equal(put(spool, i, dataset_of(i), false), SPOOL_PUT);
        spool_close(spool);
    }
    spool = open_spool(folder);
    assert_int_equal(spool_damaged(spool), 0);
    reader = spool_reader_new(spool);
    for (unsigned i = 5; i < 40;) {
        size_t count = spool_reader_next(reader, messages, 40, SIZE);
        assert_true(count > 0);
        for (size_t j = 0; j < count; j++)
            assert_int_equal(number_of(&messages[j]), i++);
        (void)spool_reader_done(reader, count);
    }
    spool_reader_free(reader);
    spool_close(spool);
    remove_spool(folder);
}

/* Whatever was done to the file: it opens, what is read was put, in order, and more can be put. */
static unsigned read_damaged(const char *folder)
{
    struct starttap_message messages[64];
    struct spool *spool = open_spool(folder);
    struct spool_reader *reader = spool_reader_new(spool);
    unsigned seen = 0;
    int last = -1;
    for (size_t count; (count = spool_reader_next(reader, messages, 64, SIZE)) > 0;) {
        for (size_t i = 0; i < count; i++) {
            int number = (int)number_of(&messages[i]);
            assert_true(number > last);
            last = number;
            seen++;
        }
        (void)spool_reader_done(reader, count);
    }
    assert_int_equal(put(spool, 7, STARTTAP_DATASET_SESSION, true), SPOOL_PUT);
    assert_int_equal(spool_reader_next(reader, messages, 64, SIZE), 1);
    spool_reader_free(reader);
    spool_close(spool);
    return seen;
}

static void write_file(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static void test_damage(void **state)
{
    (void)state;
    char folder[] = "/tmp/starttap-spool-XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    log_set_level((enum log_level) - 1); /* each damage is told */
    snprintf(path, sizeof path, "%s/events", folder);
    struct spool *spool = open_spool(folder);
    enum { COUNT = 8, USED = 4096 + 3 * SLOT };
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(put(spool, i, dataset_of(i), false), SPOOL_PUT);
    spool_close(spool);
    static char whole[4096 + SIZE], copy[4096 + SIZE];
    FILE *file = fopen(path, "r");
    assert_int_equal(fread(whole, 1, sizeof whole, file), sizeof whole);
    fclose(file);

    unsigned least = COUNT, most = 0;
    for (size_t at = 0; at < USED; at += at < 64 || at % SLOT < 256 ? 1 : 37) {
        for (int flip = 0; flip < 3; flip++) {
            memcpy(copy, whole, sizeof whole);
            copy[at] = (char)(flip == 0 ? ~copy[at] : flip == 1 ? copy[at] ^ 1 : 0x7f);
            write_file(path, copy, sizeof copy);
            unsigned seen = read_damaged(folder);
            least = seen < least ? seen : least;
            most = seen > most ? seen : most;
        }
        write_file(path, whole, at);
        assert_true(read_damaged(folder) <= COUNT);
    }
    assert_int_equal(most, COUNT); /* in padding, in what is free */
    assert_int_equal(least, 0);    /* in the head */
    /* The last record torn: the ones before it are there. */
    memcpy(copy, whole, sizeof whole);
    memset(copy + 4096 + 64 + 600, 0, 100); /* within the first record of the first slot */
    write_file(path, copy, sizeof copy);
    assert_in_range(read_damaged(folder), 1, COUNT - 1);
    remove_spool(folder);
}

/* What was cut off cannot be known, but that something was. */
static void test_cut(void **state)
{
    (void)state;
    char folder[] = "/tmp/starttap-spool-XXXXXX", path[128];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/events", folder);
    struct spool *spool = open_spool(folder);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(put(spool, i, STARTTAP_DATASET_SESSION, false), SPOOL_PUT);
    spool_close(spool);
    assert_int_equal(truncate(path, 4096 + 5 * SLOT), 0);
    spool = open_spool(folder);
    uint64_t counts[SPOOL_DATASETS] = { 0 };
    (void)spool_waiting(spool, counts);
    assert_in_range(counts[STARTTAP_DATASET_SESSION], 20, 40);
    assert_int_equal(spool_damaged(spool), (LIMIT_SPOOL_SLOTS - 5) * SLOT);
    spool_close(spool);
    spool = open_spool(folder);
    assert_int_equal(spool_damaged(spool), 0); /* said once */
    spool_close(spool);
    remove_spool(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),    cmocka_unit_test(test_importance),
        cmocka_unit_test(test_too_long), cmocka_unit_test(test_next_run),
        cmocka_unit_test(test_damage),   cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
