/* SPDX-License-Identifier: Apache-2.0
 * packet_fixture.h - a decoder for each test, and one packet through it.
 */
#ifndef PACKET_FIXTURE_H
#define PACKET_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "packet_builder.h"

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

static struct packet_decoder *decoder;
static struct packet packet; /* of the last decode() */

static int fixture_setup(void **state)
{
    (void)state;
    decoder = packet_decoder_new(42);
    return decoder == NULL;
}

static int fixture_teardown(void **state)
{
    (void)state;
    packet_decoder_free(decoder);
    return 0;
}

/* Decodes what was built as a frame of this link type, cut to nothing. */
static inline enum packet_verdict decode(struct build *b, uint16_t link_type)
{
    struct frame frame = build_frame(b, link_type);
    return packet_decode(decoder, &frame, 0, &packet);
}

#endif
