/* SPDX-License-Identifier: Apache-2.0 */
/* Private to storage/: where a state file lies, asked of the file system before SQLite touches
 * anything. */
#ifndef TAILGATE_STORAGE_PLACE_H
#define TAILGATE_STORAGE_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/store.h"

struct place {
    char *real; /* the absolute path without symbolic links; the caller's to free */
    bool empty; /* the file holds nothing yet */
};

/* For writing: refuses network file systems, makes the last directory of the path and the file
 * itself if they are missing.  For reading: changes nothing.  A file that is there is not opened.
 */
bool place_find(const char *path, bool write, struct place *place, struct store_error *error);

/* Whether a directory could be written; the real path of a file in it is given. */
bool place_writable(const char *real);

/* The name of a network file system by the type statfs(2) gives, or NULL. */
const char *place_network(uint32_t type);

/* What a failed system call means. */
enum store_status place_status(int system_error);

#endif
