/* SPDX-License-Identifier: Apache-2.0 */
/* A window of a file shown in memory, which saves the copy that read(2) makes.  A file that is cut
 * meanwhile, as logs are that are rotated by copying, does not end the program: where nothing is
 * left bytes are 0, and mapping_broken tells.  One at a time is shown. */
#ifndef TAILGATE_AGENT_MAPPING_H
#define TAILGATE_AGENT_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Shows `len` bytes, more than 0, from an offset that is a multiple of mapping_grain(); what was
 * shown before is gone.  It is only to be read.  NULL: errno says why. */
char *mapping_show(int file, uint64_t offset, size_t len);
void mapping_end(void);
/* Whether a part of what was shown since the last mapping_end could not be read. */
bool mapping_broken(void);
size_t mapping_grain(void);

#endif
