/* SPDX-License-Identifier: Apache-2.0 */
/* The few texts that matter out of an XML answer, by expat. */
#ifndef TAILGATE_AGENT_AWS_XML_H
#define TAILGATE_AGENT_AWS_XML_H

#include <stdbool.h>
#include <stddef.h>

#define XML_SIZE_MAX  1048576 /* bytes */
#define XML_DEPTH_MAX 32
#define XML_PATH_MAX  512 /* of element names with slashes between them */

/* An element whose text is wanted. */
struct xml_text {
    const char *path; /* from the root, such as "ErrorResponse/Error/Code" */
    char *out;        /* receives the text of the first such element, as much as fits */
    size_t size;
    size_t len; /* of the text, even if it did not fit; 0 for none */
    bool found;
};

/* Reads a document of UTF-8.  False with *why a phrase when it is not well-formed, is over a limit
 * above, or has a DOCTYPE: entities are a way to make a small document huge, and AWS sends none.
 * What was found before that is filled in but means nothing. */
bool xml_read(const char *document, size_t len, struct xml_text *wanted, size_t count,
              const char **why);

#endif
