/* SPDX-License-Identifier: Apache-2.0
 * scene.h - for tests that play conversations by hand: one talk for each test, and the parts of a
 * handshake that many of them begin with.
 */
#ifndef SCENE_H
#define SCENE_H

#include "wire.h"

#define C SIDE_CLIENT
#define S SIDE_SERVER

extern struct talk talk;
extern const struct tls_facts *facts;
extern const struct hello_plan client12, client13;

int scene_begin(void **state);
int scene_end(void **state);

/* A Certificate message; `ders` ends with NULL. */
void certificate(enum side side, const char *const *ders);
void ecdhe(uint16_t group); /* the server's key exchange, signed */
/* A full handshake of TLS 1.2 up to, and not with, the server's ChangeCipherSpec. */
void up_to_client_finished(void);
void server_finished(void); /* ChangeCipherSpec and Finished */
/* TLS 1.3 up to the server's Finished. `suite`: a JA3S text with 43 and 51. */
void hellos13(const char *suite);

#endif
