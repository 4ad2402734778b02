/* SPDX-License-Identifier: Apache-2.0 */
/* The few texts that matter out of an XML answer. */
#include "agent/aws/xml.h"

#include <expat.h>
#include <string.h>

struct reading {
    XML_Parser parser;
    struct xml_text *wanted;
    size_t count;
    struct xml_text *open; /* the wanted element that is being read */
    char path[XML_PATH_MAX];
    size_t path_len;
    size_t depth, open_depth;
    const char *why;
};

static void stop(struct reading *reading, const char *why)
{
    reading->why = why;
    (void)XML_StopParser(reading->parser, XML_FALSE);
}

static void XMLCALL start_element(void *data, const XML_Char *name, const XML_Char **attributes)
{
    struct reading *reading = data;
    size_t len = strlen(name);

    (void)attributes;
    if (reading->why) {
        return; /* expat may still report what it had in hand when it was stopped */
    }
    if (++reading->depth > XML_DEPTH_MAX || reading->path_len + 1 + len >= XML_PATH_MAX) {
        stop(reading, "it is nested too deeply");
        return;
    }
    if (reading->path_len > 0) {
        reading->path[reading->path_len++] = '/';
    }
    memcpy(reading->path + reading->path_len, name, len + 1);
    reading->path_len += len;
    for (size_t i = 0; i < reading->count && !reading->open; i++) {
        if (!reading->wanted[i].found && strcmp(reading->wanted[i].path, reading->path) == 0) {
            reading->open = &reading->wanted[i];
            reading->open->found = true;
            reading->open_depth = reading->depth;
        }
    }
}

static void XMLCALL end_element(void *data, const XML_Char *name)
{
    struct reading *reading = data;
    size_t len = strlen(name);

    if (reading->why) {
        return;
    }
    if (reading->open && reading->depth == reading->open_depth) {
        reading->open = NULL;
    }
    reading->depth--;
    reading->path_len -= len + (reading->path_len > len);
    reading->path[reading->path_len] = '\0';
}

static void XMLCALL character_data(void *data, const XML_Char *text, int len)
{
    struct reading *reading = data;
    struct xml_text *open = reading->open;

    if (reading->why || !open || reading->depth != reading->open_depth) {
        return;
    }
    for (int i = 0; i < len; i++, open->len++) {
        if (open->len + 1 < open->size) {
            open->out[open->len] = text[i];
            open->out[open->len + 1] = '\0';
        }
    }
}

static void XMLCALL start_doctype(void *data, const XML_Char *name, const XML_Char *system_id,
                                  const XML_Char *public_id, int has_internal_subset)
{
    (void)name;
    (void)system_id;
    (void)public_id;
    (void)has_internal_subset;
    stop(data, "it has a DOCTYPE");
}

bool xml_read(const char *document, size_t len, struct xml_text *wanted, size_t count,
              const char **why)
{
    struct reading reading = { .wanted = wanted, .count = count };
    bool done = false;

    for (size_t i = 0; i < count; i++) {
        wanted[i].out[0] = '\0';
        wanted[i].len = 0;
        wanted[i].found = false;
    }
    if (len > XML_SIZE_MAX) {
        *why = "it is too large";
        return false;
    }
    reading.parser = XML_ParserCreate("UTF-8");
    if (!reading.parser) {
        *why = "no memory";
        return false;
    }
    XML_SetUserData(reading.parser, &reading);
    XML_SetElementHandler(reading.parser, start_element, end_element);
    XML_SetCharacterDataHandler(reading.parser, character_data);
    XML_SetStartDoctypeDeclHandler(reading.parser, start_doctype);
    done = XML_Parse(reading.parser, document, (int)len, 1) == XML_STATUS_OK;
    if (!done) {
        *why = reading.why ? reading.why : XML_ErrorString(XML_GetErrorCode(reading.parser));
    }
    XML_ParserFree(reading.parser);
    return done;
}
