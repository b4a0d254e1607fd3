/* SPDX-License-Identifier: Apache-2.0
 * lines_out.c - an output out of the tree, for the test of the output door: it knows the installed
 * header and the C library, and appends a line for each message to the file it is given. What it
 * should do wrong stands in a second file (option `obey`), one word, read before each batch: away,
 * refuse, crash (once: it takes the word away), stall, slow, lie.
 */
#include <starttap/output.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lines {
    const char *path, *obey;
};

static const char *value_of(const struct starttap_output_options *options, const char *name)
{
    for (size_t i = 0; i < options->option_count; i++)
        if (strcmp(options->options[i].name, name) == 0)
            return options->options[i].value;
    return "";
}

static bool check(const struct starttap_output_options *options, char *why, size_t why_size)
{
    for (size_t i = 0; i < options->option_count; i++)
        if (strcmp(options->options[i].name, "obey") != 0) {
            snprintf(why, why_size, "lines has no option \"%s\"", options->options[i].name);
            return false;
        }
    if (*options->target == '\0')
        snprintf(why, why_size, "a file is wanted");
    return *options->target != '\0';
}

static void *open_lines(const struct starttap_output_options *options, char *why, size_t why_size)
{
    struct lines *lines = malloc(sizeof *lines);
    if (lines == NULL)
        snprintf(why, why_size, "out of memory");
    else
        *lines = (struct lines){ options->target, value_of(options, "obey") };
    return lines;
}

static void read_word(const char *path, char word[16])
{
    FILE *file = *path == '\0' ? NULL : fopen(path, "r");
    memset(word, 0, 16);
    if (file == NULL)
        return;
    word[fread(word, 1, 15, file)] = '\0';
    word[strcspn(word, "\n")] = '\0';
    fclose(file);
}

static void send_lines(void *self, const struct starttap_message *messages, size_t count,
                       unsigned wait_ms, struct starttap_sent *sent)
{
    const struct lines *lines = self;
    char word[16];
    (void)wait_ms;
    read_word(lines->obey, word);
    if (strcmp(word, "away") == 0) {
        sent->failed = true;
        snprintf(sent->why, sizeof sent->why, "nobody\nlistens");
        return;
    }
    if (strcmp(word, "lie") == 0) { /* more than there were */
        sent->delivered = count + 7;
        return;
    }
    FILE *file = fopen(lines->path, "a+");
    if (file != NULL && fseek(file, -1, SEEK_END) == 0) {
        int last = fgetc(file);
        fseek(file, 0, SEEK_END);
        if (last != '\n') /* of a line at which one before us was killed */
            fputc('\n', file);
    }
    for (size_t i = 0; file != NULL && i < count; i++) {
        while (strcmp(word, "stall") == 0) {
            usleep(20000);
            read_word(lines->obey, word);
        }
        if (strcmp(word, "slow") == 0)
            usleep(5000);
        if (strcmp(word, "crash") == 0) {
            fclose(file);
            unlink(lines->obey);
            abort();
        }
        sent->delivered++;
        if (strcmp(word, "refuse") == 0) {
            sent->refused++;
            snprintf(sent->why, sizeof sent->why, "not wanted");
            continue;
        }
        fprintf(file, "%s %s %u %u %zu %s\n", messages[i].id, messages[i].key, messages[i].dataset,
                messages[i].severity, messages[i].len, messages[i].bytes);
        fflush(file);
    }
    sent->failed = file == NULL;
    if (file != NULL)
        fclose(file);
}

STARTTAP_OUTPUT_EXPORT(lines)
{
    static const struct starttap_output output = { .abi = STARTTAP_OUTPUT_ABI,
                                                   .size = sizeof output,
                                                   .kind = "lines",
                                                   .help = "lines of a file, for tests",
                                                   .most_messages = 50,
                                                   .check = check,
                                                   .open = open_lines,
                                                   .send = send_lines,
                                                   .close = free };
    return &output;
}
