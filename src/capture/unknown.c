/* SPDX-License-Identifier: Apache-2.0
 * unknown.c - magic numbers of what people hand to a reader of captures by mistake.
 */
#include "unknown.h"

#include <string.h>

#include "text.h"

#define TEXT_SAMPLE_BYTES 64u

static const struct {
    struct text magic;
    const char *what;
} kinds[] = {
    { { "PK\3\4", 4 }, "it is a ZIP archive: unpack it first" },
    { { "BZh", 3 }, "it is compressed by bzip2: unpack it first" },
    { { "\xfd\x37zXZ", 5 }, "it is compressed by xz: unpack it first" },
    { { "\x04\x22\x4d\x18", 4 }, "it is compressed by lz4: unpack it first" },
    { { "7z\xbc\xaf", 4 }, "it is a 7-Zip archive: unpack it first" },
    { { "snoop\0\0\0", 8 }, "it is a snoop capture: editcap can convert it" },
    { { "GMBU", 4 }, "it is a capture of Network Monitor: editcap can convert it" },
    { { "RTSS", 4 }, "it is a capture of Network Monitor: editcap can convert it" },
    { { "TRSNIFF data", 12 }, "it is a capture of Sniffer: editcap can convert it" },
    { { "XCP\0", 4 }, "it is a capture of Sniffer: editcap can convert it" },
};

static bool starts_with(struct reader start, struct text magic)
{
    struct reader head = reader_take(&start, magic.len);
    return reader_ok(&head) && memcmp(head.at, magic.at, magic.len) == 0;
}

static bool is_text(struct reader start)
{
    for (size_t i = 0; i < TEXT_SAMPLE_BYTES && reader_more(&start); i++) {
        uint8_t c = reader_u8(&start);
        if ((c < ' ' && c != '\n' && c != '\r' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

const char *unknown_describe(struct reader start)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (starts_with(start, kinds[i].magic))
            return kinds[i].what;
    return is_text(start) ? "it looks like text" : "its format is unknown";
}

/* Rotation appends numbers and compression another ending, so the word is looked for anywhere. */
bool unknown_named_capture(const char *name)
{
    static const struct text words[] = { { ".pcap", 5 }, { ".cap", 4 }, { ".ntar", 5 } };
    for (; *name != '\0'; name++)
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
            if (text_starts_nocase(text_of(name), words[i]))
                return true;
    return false;
}
