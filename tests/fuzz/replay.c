/* SPDX-License-Identifier: Apache-2.0
 * replay.c - runs a fuzz target once over every file of the folders given: the seed corpus as a
 * regression test for builds without libFuzzer. An empty or missing folder is a failure, not a
 * pass.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return -1;

    size_t cap = 4u << 20, len;
    uint8_t *bytes = malloc(cap);
    if (bytes == NULL)
        abort();
    len = fread(bytes, 1, cap, file);
    fclose(file);

    uint8_t *exact = malloc(len > 0 ? len : 1); /* to size, so that a sanitizer sees an overrun */
    if (exact == NULL)
        abort();
    for (size_t i = 0; i < len; i++)
        exact[i] = bytes[i];
    free(bytes);
    LLVMFuzzerTestOneInput(exact, len);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    unsigned files = 0;
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        if (dir == NULL) {
            fprintf(stderr, "replay: no folder %s\n", argv[i]);
            return 1;
        }
        for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
            char path[4096];
            if (entry->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], entry->d_name);
            if (replay_file(path) == 0)
                files++;
        }
        closedir(dir);
    }
    printf("replay: %u inputs\n", files);
    return files > 0 ? 0 : 1;
}
