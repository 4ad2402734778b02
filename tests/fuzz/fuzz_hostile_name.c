/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a row; any bytes as a name in a row, which must be found exactly when it can forge
 * something, whatever somebody else's names before it hold. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "filters/hostile_name.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_row(struct slice row)
{
    struct slice name = { NULL, 0 };
    bool found = hostile_name_find(row, &name);

    check(found == hostile_name_find(row, NULL));
    check(!found ||
          (name.len > 0 && name.data > row.data && name.data + name.len <= row.data + row.len));
}

/* Writes a name between backquotes and then as server_audit writes a statement.  Whether it is
 * hostile. */
static bool write_name(char **out, const uint8_t *name, size_t len)
{
    static const char escaped[] = "\n\r\t\b\f'\\", letters[] = "nrtbf'\\";
    bool hostile = false;

    for (size_t i = 0; i < len; i++) {
        const char *at = memchr(escaped, name[i], sizeof escaped - 1);

        if (name[i] == '`' || at) {
            *(*out)++ = at ? '\\' : '`';
        }
        *(*out)++ = at ? letters[at - escaped] : (char)name[i];
        hostile = hostile || name[i] < 0x20 || name[i] == 0x7f || memchr(",'\"`", name[i], 4);
    }
    return hostile;
}

static void add(char **out, const void *bytes, size_t len)
{
    memcpy(*out, bytes, len);
    *out += len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char row_head[] = "20261122 14:08:14,srv,",
                      operation[] = ",10.0.5.6,8,9,QUERY,p,'", statement[] = "CREATE DATABASE `",
                      row_tail[] = "`',0";
    size_t head = size > 0 ? data[0] % size : 0;
    char *row =
        malloc(3 * size + sizeof row_head + sizeof operation + sizeof statement + sizeof row_tail);
    char *out = row;
    bool hostile, found;

    check_row((struct slice){ (const char *)data, size });
    if (!row) {
        return 0;
    }
    add(&out, row_head, sizeof row_head - 1);
    add(&out, data, head);
    add(&out, operation, sizeof operation - 1);
    add(&out, statement, sizeof statement - 1);
    hostile = write_name(&out, data + head, size - head);
    add(&out, row_tail, sizeof row_tail - 1);
    found = hostile_name_find((struct slice){ row, (size_t)(out - row) }, NULL);
    check(found || !hostile);
    check(!found || hostile || memchr(data, '\'', head));

    /* The same as a statement of anybody: not a byte is read wrongly. */
    out = row;
    add(&out, operation, sizeof operation - 1);
    (void)write_name(&out, data, size);
    check_row((struct slice){ row, (size_t)(out - row) });
    free(row);
    return 0;
}
