/* SPDX-License-Identifier: Apache-2.0
 * The pcapng parser, on bytes in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "made.h"
#include "parsed.h"

static struct parsed_file parse_all(const struct made *made)
{
    return parse(made->bytes, made->len, made->len);
}

/* Two sections of different byte order, three interfaces, each kind of packet block, secrets, and a
 * block that nobody knows. */
static struct made rich_file(void)
{
    static const uint8_t milliseconds[] = { 0, 9, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0 };
    static const uint8_t offset[] = { 2,  0, 3, 0, 'a', 'b', 'c', 0, /* a name, padded */
                                      14, 0, 8, 0, 100, 0,   0,   0, 0, 0, 0, 0 };
    struct made made = { .order = ORDER_BIG };
    made_section(&made);
    made_interface(&made, 1, 0, NULL, 0);
    made_interface(&made, 113, 0, milliseconds, sizeof milliseconds);
    made_packet(&made, 0, 1700000000000001, 5);
    made_packet(&made, 1, 1700000000002, 6);
    made_block(&made, 0x0bad, "what", 4);

    struct made body = { .order = ORDER_BIG }; /* obsolete: 16 bits of interface, 16 of drops */
    made_u16(&body, 1);
    made_u16(&body, 0xffff);
    made_u32(&body, 0);
    made_u32(&body, 77);
    made_u32(&body, 3);
    made_u32(&body, 9);
    made_fill(&body, 0x22, 3);
    made_block(&made, 2, body.bytes, body.len);
    made_free(&body);

    made.order = ORDER_LITTLE;
    made_section(&made);
    made_interface(&made, 101, 6, offset, sizeof offset);
    made_packet(&made, 0, 1, 2);
    body = (struct made){ .order = ORDER_LITTLE };
    made_u32(&body, 9); /* simple: 9 on the wire, cut by the snap length to 6 */
    made_fill(&body, 0x33, 6);
    made_block(&made, 3, body.bytes, body.len);
    made_free(&body);
    body = (struct made){ .order = ORDER_LITTLE };
    made_u32(&body, 0x544c534b);
    made_u32(&body, 6);
    made_bytes(&body, "SECRET", 6);
    made_block(&made, 10, body.bytes, body.len);
    made_free(&body);
    return made;
}

static void assert_rich(const struct parsed_file *file)
{
    static const struct frame want[] = {
        { .time_ns = 1700000000000001000, .number = 1, .captured = 5, .wire = 15, .link_type = 1 },
        { .time_ns = 1700000000002000000,
          .number = 2,
          .captured = 6,
          .wire = 16,
          .interface = 1,
          .link_type = 113 },
        { .time_ns = 77000000,
          .number = 3,
          .captured = 3,
          .wire = 9,
          .interface = 1,
          .link_type = 113 },
        { .time_ns = 100000001000, .number = 4, .captured = 2, .wire = 12, .link_type = 101 },
        { .time_ns = 100000001000, .number = 5, .captured = 6, .wire = 9, .link_type = 101 },
    };
    assert_int_equal(file->count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(file->frames[i].time_ns, want[i].time_ns);
        assert_int_equal(file->frames[i].number, want[i].number);
        assert_int_equal(file->frames[i].captured, want[i].captured);
        assert_int_equal(file->frames[i].wire, want[i].wire);
        assert_int_equal(file->frames[i].interface, want[i].interface);
        assert_int_equal(file->frames[i].link_type, want[i].link_type);
    }
    assert_int_equal(file->first[2], 0x22);
    assert_int_equal(file->first[4], 0x33);
    assert_string_equal(file->secrets, "SECRET");
    assert_true(file->between);
    assert_int_equal(file->skipped + file->damaged, 0);
}

static void test_sections_interfaces_and_blocks(void **state)
{
    (void)state;
    struct made made = rich_file();
    struct parsed_file file = parse_all(&made);
    assert_rich(&file);
    made_free(&made);
}

static void test_pieces_do_not_matter(void **state)
{
    (void)state;
    struct made made = rich_file();
    for (size_t piece = 1; piece < made.len; piece++) {
        struct parsed_file file = parse(made.bytes, made.len, piece);
        assert_rich(&file);
    }
    made_free(&made);
}

static void test_every_truncation(void **state)
{
    (void)state;
    struct made made = rich_file();
    size_t last = 0;
    for (size_t len = 0; len < made.len; len++) {
        struct parsed_file file = parse(made.bytes, len, len + 1);
        assert_true(file.count >= last && file.count <= 5);
        assert_int_equal(file.skipped + file.damaged, 0);
        assert_false(file.broken);
        last = file.count;
    }
    assert_int_equal(last, 5);
    made_free(&made);
}

static void test_interface_that_is_not_described(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_section(&made);
    made_packet(&made, 0, 1, 4);
    made_interface(&made, 1, 0, NULL, 0);
    made_packet(&made, 1, 2, 4);
    made_packet(&made, 0, 3, 4);
    made_section(&made); /* forgets the interfaces */
    made_packet(&made, 0, 4, 4);
    struct parsed_file file = parse_all(&made);
    assert_int_equal(file.skipped, 3);
    assert_int_equal(file.count, 1);
    assert_int_equal(file.frames[0].number, 3);
    assert_true(file.between);
    made_free(&made);
}

static void test_interfaces_beyond_the_maximum(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_section(&made);
    for (uint32_t i = 0; i < LIMIT_PCAPNG_INTERFACES + 1; i++)
        made_interface(&made, 1, 0, NULL, 0);
    made_packet(&made, LIMIT_PCAPNG_INTERFACES - 1, 1, 4);
    made_packet(&made, LIMIT_PCAPNG_INTERFACES, 1, 4);
    struct parsed_file file = parse_all(&made);
    assert_int_equal(file.count, 1);
    assert_int_equal(file.frames[0].interface, LIMIT_PCAPNG_INTERFACES - 1);
    assert_int_equal(file.skipped, 1);
    made_free(&made);
}

static void test_packet_longer_than_its_block(void **state)
{
    (void)state;
    static const uint32_t lies[] = { 5, LIMIT_FRAME_BYTES, LIMIT_FRAME_BYTES + 1, UINT32_MAX };
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct made made = { 0 };
        made_section(&made);
        made_interface(&made, 1, 0, NULL, 0);
        struct made body = { 0 };
        made_fill(&body, 0, 12);
        made_u32(&body, lies[i]);
        made_u32(&body, 4);
        made_fill(&body, 0, 4);
        made_block(&made, 6, body.bytes, body.len);
        made_packet(&made, 0, 3, 4);
        struct parsed_file file = parse_all(&made);
        assert_int_equal(file.damaged, 1);
        assert_int_equal(file.count, 1); /* the one behind it is still found */
        assert_int_equal(file.frames[0].number, 2);
        made_free(&body);
        made_free(&made);
    }
}

static void test_short_packet_blocks(void **state)
{
    (void)state;
    static const uint32_t kinds[] = { 2, 3, 6 };
    for (size_t i = 0; i < 3; i++) {
        struct made made = { 0 };
        made_section(&made);
        made_interface(&made, 1, 0, NULL, 0);
        made_block(&made, kinds[i], NULL, 0);
        made_packet(&made, 0, 3, 4);
        struct parsed_file file = parse_all(&made);
        assert_int_equal(file.damaged, 1);
        assert_int_equal(file.count, 1);
        made_free(&made);
    }
}

static void test_blocks_longer_than_the_view(void **state)
{
    (void)state;
    struct made made = { 0 }, body = { 0 };
    made_section(&made);
    made_interface(&made, 1, 0, NULL, 0);
    made_packet(&made, 0, 1, LIMIT_FRAME_BYTES); /* the largest that is delivered */
    made_packet(&made, 0, 2, LIMIT_FRAME_BYTES + 1);
    made_packet(&made, 0, 3, (uint32_t)RECORD_VIEW_BYTES + 1000);
    made_fill(&body, 7, RECORD_VIEW_BYTES * 3);
    made_block(&made, 0x0bad, body.bytes, body.len);

    body.len = 0; /* a small frame with endless options is delivered */
    made_fill(&body, 0, 12);
    made_u32(&body, 4);
    made_u32(&body, 4);
    made_fill(&body, 9, RECORD_VIEW_BYTES * 2);
    made_block(&made, 6, body.bytes, body.len);
    made_packet(&made, 0, 5, 4);
    struct parsed_file file = parse(made.bytes, made.len, 65536);
    assert_int_equal(file.count, 3);
    assert_int_equal(file.frames[0].captured, LIMIT_FRAME_BYTES);
    assert_int_equal(file.frames[1].captured, 4);
    assert_int_equal(file.first[1], 9);
    assert_int_equal(file.frames[1].number, 4);
    assert_int_equal(file.frames[2].number, 5);
    assert_int_equal(file.skipped, 2);
    assert_int_equal(file.damaged, 0);
    assert_true(file.between);

    file = parse(made.bytes, made.len - 8000, 65536); /* an end inside the passed bytes shows */
    assert_false(file.between);
    made_free(&body);
    made_free(&made);
}

/* Secrets longer than the view come in pieces. */
static void test_long_secrets(void **state)
{
    (void)state;
    struct made made = { 0 }, body = { 0 };
    made_section(&made);
    made_u32(&body, 0x544c534b);
    made_u32(&body, (uint32_t)RECORD_VIEW_BYTES * 2 + 1);
    made_fill(&body, 's', RECORD_VIEW_BYTES * 2 + 1);
    made_block(&made, 10, body.bytes, body.len);
    made_block(&made, 0x0bad, NULL, 0);

    /* The first window is what the parser asks for, the others are small. */
    struct parser parser;
    struct reader rest = reader_of(made.bytes, made.len);
    struct reader window = reader_take(&rest, 28 + RECORD_VIEW_BYTES);
    assert_true(parser_init(&parser, window));
    size_t secrets = 0, pieces = 0, begins = 0;
    struct frame frame;
    while (reader_more(&window)) {
        for (enum parsed parsed; (parsed = parser_next(&parser, &window, &frame)) != PARSED_MORE;)
            if (parsed == PARSED_SECRETS) {
                for (struct reader r = parser.secrets; reader_more(&r);)
                    assert_int_equal(reader_u8(&r), 's');
                secrets += parser.secrets.left;
                begins += parser.secrets_begin;
                pieces++;
            }
        assert_int_equal(window.left, 0);
        window = reader_take(&rest, rest.left < 10000 ? rest.left : rest.left % 10000 + 10000);
    }
    assert_int_equal(secrets, RECORD_VIEW_BYTES * 2 + 1);
    assert_int_equal(begins, 1);
    assert_true(pieces > 2);
    assert_true(parser_between(&parser));
    parser_free(&parser);
    made_free(&body);
    made_free(&made);
}

static void test_other_secrets_are_not_ours(void **state)
{
    (void)state;
    struct made made = { 0 }, body = { 0 };
    made_section(&made);
    made_u32(&body, 0x57474b4c); /* WireGuard */
    made_u32(&body, 3);
    made_bytes(&body, "abc", 3);
    made_block(&made, 10, body.bytes, body.len);
    body.len = 0;
    made_u32(&body, 0x544c534b);
    made_u32(&body, 5); /* more than there is */
    made_bytes(&body, "abcd", 4);
    made_block(&made, 10, body.bytes, body.len);
    struct parsed_file file = parse_all(&made);
    assert_int_equal(file.secrets_len, 0);
    assert_int_equal(file.damaged, 1);
    made_free(&body);
    made_free(&made);
}

static void test_broken_framing(void **state)
{
    (void)state;
    /* Offset in the second block, which begins at 28, and the value that breaks it. */
    static const struct {
        size_t at;
        uint8_t value;
    } rows[] = {
        { 28 + 4, 8 },   /* shorter than a block can be */
        { 28 + 4, 21 },  /* no multiple of four */
        { 28 + 16, 24 }, /* the second length differs */
        { 8, 0 },        /* no byte order mark */
        { 4, 24 },       /* a section too short */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct made made = { 0 };
        made_section(&made);
        made_interface(&made, 1, 0, NULL, 0);
        made_packet(&made, 0, 3, 4);
        assert_int_equal(parse_all(&made).count, 1);
        made.bytes[rows[i].at] = rows[i].value;
        struct parsed_file file = parse_all(&made);
        assert_true(file.broken);
        assert_int_equal(file.count, 0);
        made_free(&made);
    }
}

static void test_short_interface_description(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_section(&made);
    made_block(&made, 1, "\1\0\0\0", 4);
    assert_true(parse_all(&made).broken); /* its number would be missing from here on */
    made_free(&made);
}

/* Options that run out of their block leave the interface as far as it was understood. */
static void test_bad_options(void **state)
{
    (void)state;
    static const uint8_t options[] = { 9, 0, 1, 0, 9, 0, 0, 0, 2, 0, 0xff, 0xff };
    struct made made = { 0 };
    made_section(&made);
    made_interface(&made, 1, 0, options, sizeof options);
    made_packet(&made, 0, 3, 4);
    struct parsed_file file = parse_all(&made);
    assert_int_equal(file.count, 1);
    assert_int_equal(file.frames[0].time_ns, 3); /* nanoseconds, as the first option says */
    made_free(&made);
}

static void test_simple_packet_without_snap_length(void **state)
{
    (void)state;
    struct made made = { 0 };
    made_section(&made);
    made_interface(&made, 1, 0, NULL, 0);
    made_block(&made, 3, "\3\0\0\0abc", 7);
    made_block(&made, 3, "\xff\0\0\0abcd", 8);
    struct parsed_file file = parse_all(&made);
    assert_int_equal(file.count, 2);
    assert_int_equal(file.frames[0].captured, 3);
    assert_int_equal(file.frames[0].wire, 3);
    assert_int_equal(file.frames[1].captured, 4);
    assert_int_equal(file.frames[1].wire, 255);
    made_free(&made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sections_interfaces_and_blocks),
        cmocka_unit_test(test_pieces_do_not_matter),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_interface_that_is_not_described),
        cmocka_unit_test(test_interfaces_beyond_the_maximum),
        cmocka_unit_test(test_packet_longer_than_its_block),
        cmocka_unit_test(test_short_packet_blocks),
        cmocka_unit_test(test_blocks_longer_than_the_view),
        cmocka_unit_test(test_long_secrets),
        cmocka_unit_test(test_other_secrets_are_not_ours),
        cmocka_unit_test(test_broken_framing),
        cmocka_unit_test(test_short_interface_description),
        cmocka_unit_test(test_bad_options),
        cmocka_unit_test(test_simple_packet_without_snap_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
