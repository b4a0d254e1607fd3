/* SPDX-License-Identifier: Apache-2.0
 * format.c - what the formats share: choosing one, and passing over long records.
 */
#include "format.h"

bool parser_init(struct parser *parser, struct reader start)
{
    *parser = (struct parser){ 0 };
    return pcap_file_init(parser, start) || pcapng_init(parser, start);
}

void parser_free(struct parser *parser)
{
    if (parser->format != NULL && parser->format->free != NULL)
        parser->format->free(parser);
    *parser = (struct parser){ 0 };
}

/* The part of a long record that lies in this window. */
static enum parsed pass_over(struct parser *parser, struct reader *window)
{
    if (!reader_more(window))
        return PARSED_MORE;

    bool secret = parser->secrets_left > 0;
    uint64_t want = secret ? parser->secrets_left : parser->skip;
    struct reader piece = reader_take(window, want < window->left ? (size_t)want : window->left);
    parser->skip -= piece.left;
    if (!secret)
        return PARSED_OTHER;

    parser->secrets_left -= piece.left;
    parser->secrets = piece;
    parser->secrets_begin = false;
    return PARSED_SECRETS;
}

enum parsed parser_next(struct parser *parser, struct reader *window, struct frame *frame)
{
    if (parser->skip > 0)
        return pass_over(parser, window);
    return parser->format->next(parser, window, frame);
}

bool parser_between(const struct parser *parser) { return parser->begun && parser->skip == 0; }
