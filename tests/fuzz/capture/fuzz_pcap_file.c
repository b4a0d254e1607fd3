/* SPDX-License-Identifier: Apache-2.0
 * fuzz_pcap_file.c - one parser, one target; pieces.h says what must hold.
 */
#include "pieces.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    return pieces_compare(pcap_file_init, data, size);
}
