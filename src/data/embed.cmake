# SPDX-License-Identifier: Apache-2.0
# cmake -DOUT=lists.c -DFOLDER=src/data -DNAMES=a.tsv,findings/b.txt -P embed.cmake
# Writes the files as C arrays: what data_lists.h declares.
string(REPLACE "," ";" names "${NAMES}")
set(arrays "")
set(rows "")
set(number 0)
foreach(name ${names})
  file(READ ${FOLDER}/${name} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  string(REGEX REPLACE "(................................................................................)" "\\1\n    " bytes "${bytes}")
  string(APPEND arrays "static const unsigned char list_${number}[] = {\n    ${bytes}0x00\n};\n")
  string(APPEND rows "    { \"${name}\", (const char *)list_${number} },\n")
  math(EXPR number "${number} + 1")
endforeach()
file(WRITE ${OUT}.new "/* Made by src/data/embed.cmake. */\n#include <stddef.h>\n\n#include \"data_lists.h\"\n\n${arrays}
const struct data_list data_lists[] = {\n${rows}    { NULL, NULL },\n};\n")
file(RENAME ${OUT}.new ${OUT})
