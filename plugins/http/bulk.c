/* SPDX-License-Identifier: Apache-2.0
 * bulk.c - the answer of Elasticsearch or OpenSearch to a bulk request, by json-c:
 *
 *   {"items":[{"create":{"status":201}},{"create":{"status":400,"error":{"type":"..."}}}]}
 */
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "http.h"

#define BULK_DEPTH 16 /* the deepest value wanted lies at 5 */

static bool item_decode(struct json_object *item, unsigned *status, char *reason,
                        size_t reason_size)
{
    struct json_object *create, *number, *error, *type;

    if (!json_object_object_get_ex(item, "create", &create) ||
        !json_object_object_get_ex(create, "status", &number) ||
        !json_object_is_type(number, json_type_int))
        return false;
    *status = (unsigned)json_object_get_int(number);
    if (*status != 409 && !reason[0] && json_object_object_get_ex(create, "error", &error) &&
        json_object_object_get_ex(error, "type", &type) &&
        json_object_is_type(type, json_type_string))
        snprintf(reason, reason_size, "%.100s", json_object_get_string(type));
    return true;
}

bool http_bulk_decode(const struct buffer *answer, unsigned *statuses, size_t count, char *reason,
                      size_t reason_size)
{
    struct json_tokener *tokener = json_tokener_new_ex(BULK_DEPTH);
    struct json_object *root = NULL, *items;
    bool good = false;

    reason[0] = '\0';
    if (tokener && answer->len)
        root = json_tokener_parse_ex(tokener, answer->bytes, (int)answer->len);
    if (root && json_object_is_type(root, json_type_object) &&
        json_object_object_get_ex(root, "items", &items) &&
        json_object_is_type(items, json_type_array) && json_object_array_length(items) == count) {
        good = true;
        for (size_t i = 0; i < count && good; i++)
            good =
                item_decode(json_object_array_get_idx(items, i), &statuses[i], reason, reason_size);
    }
    json_object_put(root);
    if (tokener)
        json_tokener_free(tokener);
    return good;
}
