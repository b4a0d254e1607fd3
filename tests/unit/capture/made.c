/* SPDX-License-Identifier: Apache-2.0
 * made.c - see made.h.
 */
#include "made.h"

#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void made_free(struct made *made)
{
    free(made->bytes);
    *made = (struct made){ 0 };
}

static uint8_t *room(struct made *made, size_t len)
{
    if (made->len + len > made->cap) {
        made->cap = (made->len + len) * 2;
        made->bytes = realloc(made->bytes, made->cap);
        assert(made->bytes != NULL);
    }
    made->len += len;
    return made->bytes + made->len - len;
}

void made_bytes(struct made *made, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(room(made, len), bytes, len);
}

void made_fill(struct made *made, uint8_t byte, size_t len)
{
    if (len > 0)
        memset(room(made, len), byte, len);
}

void made_u16(struct made *made, uint16_t value)
{
    uint8_t *at = room(made, 2);
    at[made->order == ORDER_BIG ? 0 : 1] = (uint8_t)(value >> 8);
    at[made->order == ORDER_BIG ? 1 : 0] = (uint8_t)value;
}

void made_u32(struct made *made, uint32_t value)
{
    bool big = made->order == ORDER_BIG;
    made_u16(made, (uint16_t)(big ? value >> 16 : value));
    made_u16(made, (uint16_t)(big ? value : value >> 16));
}

void made_pcap(struct made *made, uint32_t magic, uint32_t link_type)
{
    made_u32(made, magic);
    made_u16(made, 2);
    made_u16(made, 4);
    made_u32(made, 0);
    made_u32(made, 0);
    made_u32(made, 262144);
    made_u32(made, link_type);
}

void made_record(struct made *made, uint32_t seconds, uint32_t fraction, uint32_t len)
{
    made_u32(made, seconds);
    made_u32(made, fraction);
    made_u32(made, len);
    made_u32(made, len + 10);
    made_fill(made, (uint8_t)seconds, len);
}

void made_block(struct made *made, uint32_t type, const void *body, size_t len)
{
    size_t padding = (4 - len % 4) % 4;
    uint32_t total = (uint32_t)(12 + len + padding);
    made_u32(made, type);
    made_u32(made, total);
    made_bytes(made, body, len);
    made_fill(made, 0, padding);
    made_u32(made, total);
}

static void made_block_of(struct made *made, uint32_t type, struct made *body)
{
    made_block(made, type, body->bytes, body->len);
    made_free(body);
}

void made_section(struct made *made)
{
    struct made body = { .order = made->order };
    made_u32(&body, 0x1a2b3c4d);
    made_u16(&body, 1);
    made_u16(&body, 0);
    made_fill(&body, 0xff, 8);
    made_block_of(made, 0x0a0d0d0a, &body);
}

void made_interface(struct made *made, uint16_t link_type, uint32_t snaplen, const void *options,
                    size_t options_len)
{
    struct made body = { .order = made->order };
    made_u16(&body, link_type);
    made_u16(&body, 0);
    made_u32(&body, snaplen);
    made_bytes(&body, options, options_len);
    made_block_of(made, 1, &body);
}

void made_packet(struct made *made, uint32_t interface, uint64_t ticks, uint32_t len)
{
    struct made body = { .order = made->order };
    made_u32(&body, interface);
    made_u32(&body, (uint32_t)(ticks >> 32));
    made_u32(&body, (uint32_t)ticks);
    made_u32(&body, len);
    made_u32(&body, len + 10);
    made_fill(&body, (uint8_t)ticks, len);
    made_block_of(made, 6, &body);
}

static char folder[64];

void folder_make(void)
{
    snprintf(folder, sizeof folder, "%s/capture-XXXXXX", access("/tmp", W_OK) == 0 ? "/tmp" : ".");
    assert(mkdtemp(folder) != NULL);
}

void folder_remove(void)
{
    DIR *dir = opendir(folder);
    assert(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            remove(folder_path(entry->d_name));
    closedir(dir);
    rmdir(folder);
}

const char *folder_path(const char *name)
{
    static char paths[8][512];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s%s%s", folder, *name != '\0' ? "/" : "", name);
    return path;
}

void folder_write_bytes(const char *name, const void *bytes, size_t len, const char *mode)
{
    FILE *file = fopen(folder_path(name), mode);
    assert(file != NULL);
    size_t written = len > 0 ? fwrite(bytes, 1, len, file) : 0;
    assert(written == len);
    int result = fclose(file);
    assert(result == 0);
}

void folder_write(const char *name, const struct made *made)
{
    folder_write_bytes(name, made->bytes, made->len, "wb");
}

void folder_write_times(const char *name, const uint32_t *seconds)
{
    struct made made = { 0 };
    made_pcap(&made, 0xa1b2c3d4, 1);
    for (; *seconds != 0; seconds++)
        made_record(&made, *seconds, 0, 50);
    folder_write(name, &made);
    made_free(&made);
}

static FILE *said_file;
static int said_before;

void said_begin(void)
{
    fflush(stderr);
    said_file = tmpfile();
    said_before = dup(STDERR_FILENO);
    assert(said_file != NULL && said_before >= 0);
    dup2(fileno(said_file), STDERR_FILENO);
}

const char *said_end(void)
{
    static char text[8192];
    fflush(stderr);
    dup2(said_before, STDERR_FILENO);
    close(said_before);
    rewind(said_file);
    text[fread(text, 1, sizeof text - 1, said_file)] = '\0';
    fclose(said_file);
    return text;
}
