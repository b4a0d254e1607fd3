/* SPDX-License-Identifier: Apache-2.0
 * play_segments.c - reads dialogues in the notation of player.h, one a line, and prints what the
 * flow stage makes of each: for tests/tools/compare_reassembly.py.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "player.h"

int main(void)
{
    size_t cap = 4u << 20;
    char *line = malloc(cap);
    if (line == NULL)
        return 1;
    while (fgets(line, (int)cap, stdin) != NULL) {
        struct player player = { .hex = true };
        line[strcspn(line, "\n")] = '\0';
        player_start(&player);
        player_play(&player, line);
        puts(player_finish(&player));
        player_free(&player);
    }
    free(line);
    return 0;
}
