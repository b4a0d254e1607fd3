/* SPDX-License-Identifier: Apache-2.0
 * version.h - the version of the program. tests/check_rules.sh compares it with CMakeLists.txt.
 */
#ifndef VERSION_H
#define VERSION_H

#define VERSION_TEXT "0.1.0"

#endif
