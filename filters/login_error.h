/* SPDX-License-Identifier: Apache-2.0 */
/* What the error of a failed connection means (MySQL "Server Error Message Reference", MariaDB
 * "Error Codes"). */
#ifndef TAILGATE_FILTERS_LOGIN_ERROR_H
#define TAILGATE_FILTERS_LOGIN_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "filters/rule.h"

struct login_error {
    int32_t code;
    enum severity severity; /* of such an attempt from outside */
    bool password_right;    /* the server only refuses so once the password was accepted */
    const char *meaning;
};

/* NULL for a code that says nothing particular: medium, as somebody tried a user. */
const struct login_error *login_error_find(int64_t code);

#endif
