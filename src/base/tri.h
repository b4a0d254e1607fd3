/* SPDX-License-Identifier: Apache-2.0
 * tri.h - yes, no, or not known: unknown is never OK and never an accusation.
 */
#ifndef TRI_H
#define TRI_H

enum tri { TRI_UNKNOWN, TRI_NO, TRI_YES };

#endif
