/* SPDX-License-Identifier: Apache-2.0
 * fuzz_pcapng.c - one parser, one target; pieces.h says what must hold.
 */
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return pieces_compare(pcapng_init, data, size);
}
