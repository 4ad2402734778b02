/* SPDX-License-Identifier: Apache-2.0 */
/* Reading gzip files (RFC 1952), as exports of log groups to S3 are, by zlib. */
#ifndef TAILGATE_AGENT_GZIP_H
#define TAILGATE_AGENT_GZIP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define GZIP_MAGIC_SIZE 2
#define GZIP_INPUT_SIZE (64 * 1024) /* read at once */

struct gzip;

/* Whether a file that begins so is one; fewer than GZIP_MAGIC_SIZE bytes are none. */
bool gzip_begins(const char *data, size_t len);
/* `data`: what was read of the file already, at most GZIP_INPUT_SIZE. */
struct gzip *gzip_new(const char *data, size_t len);
void gzip_free(struct gzip *gzip);
/* As read(2), of what is in the file: several members one after the other count as one, as for
 * gunzip, and what stands behind them is left out.  -1: gzip_problem says what, or errno does. */
ssize_t gzip_read(struct gzip *gzip, int file, char *out, size_t size);
/* NULL: errno says what. */
const char *gzip_problem(const struct gzip *gzip);

#endif
