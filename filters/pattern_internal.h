/* SPDX-License-Identifier: Apache-2.0 */
/* What a pattern is once it is read, for pattern_*.c only.  Nothing here changes afterwards, and
 * all of it lies in arrays that one pattern owns: whoever refers to a part gives its number. */
#ifndef TAILGATE_FILTERS_PATTERN_INTERNAL_H
#define TAILGATE_FILTERS_PATTERN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "filters/pattern.h"
#include "filters/search.h"
#include "filters/slice.h"

#define PATTERN_BYTES_MAX ((size_t)4 * PATTERN_LENGTH_MAX) /* a character has at most four */
#define NONE              UINT16_MAX                       /* no such part */

enum shape {
    SHAPE_TERMS,
    SHAPE_SPACE,
    SHAPE_JSON,
};

enum term_kind {
    TERM_PLAIN,
    TERM_EXCLUDED,
    TERM_OPTIONAL, /* counts only in a pattern that has no other kind */
};

/* Where a part stands in the pattern's text. */
struct extent {
    size_t offset, len;
};

struct term {
    enum term_kind kind;
    bool regex; /* else a fixed run of bytes */
    bool bare;  /* written without quotes */
    size_t len; /* of that run */
    struct extent extent;
    struct search *search;
};

enum comparison {
    EQUAL,
    NOT_EQUAL,
    LESS,
    LESS_OR_EQUAL,
    GREATER,
    GREATER_OR_EQUAL,
    IS_NULL,
    IS_TRUE,
    IS_FALSE,
    NOT_EXISTS,
};

enum value_kind {
    VALUE_TEXT,
    VALUE_NUMBER, /* text is its spelling */
    VALUE_REGEX,
};

/* What is compared with. */
struct value {
    enum value_kind kind;
    struct slice text;         /* without the '*' at its ends */
    bool open_begin, open_end; /* where such a '*' stood */
    double number;
    struct search *regex;
};

struct condition {
    enum comparison comparison;
    struct value value;
    bool bare; /* its value is written without quotes */
    struct extent extent;
    uint16_t subject; /* the step of a selector, or the field */
    uint16_t next;    /* with the same subject */
};

enum node_kind {
    NODE_CONDITION,
    NODE_AND,
    NODE_OR,
};

/* A part of what conditions are joined to. */
struct node {
    enum node_kind kind;
    uint16_t condition;
    uint16_t first, next; /* what it joins; and what is joined with it */
};

enum step_kind {
    STEP_KEY,
    STEP_INDEX,
    STEP_MEMBERS, /* .*  : each member of an object */
    STEP_EACH,    /* [*] : each member of an object or element of an array */
};

/* Selectors that begin alike share their steps: together they are a tree, whose root is step 0. */
struct step {
    enum step_kind kind;
    struct slice key;
    uint32_t index;
    uint16_t first, next; /* the steps from here; and others from where this one is from */
    uint16_t conditions;  /* the first on what it leads to */
};

struct field {
    struct slice name; /* may be empty */
    uint16_t node;     /* NONE: any text will do */
    bool ellipsis;
};

struct pattern {
    enum shape shape;
    struct slice text; /* a copy of what was read */
    char *bytes;       /* of that, and of all names and values */
    size_t bytes_used;
    struct term *terms;
    size_t term_count, ignored_count; /* ignored terms stand behind the others */
    struct condition *conditions;
    uint16_t condition_count;
    struct node *nodes;
    uint16_t node_count, root;
    struct step *steps;
    uint16_t step_count;
    struct field *fields;
    uint16_t field_count;
    uint16_t ellipsis; /* the field that is one, or NONE */
    unsigned regex_count, wildcard_count;
    /* A run that every text holds which matches, found in it as it stands; of JSON, unless it is
     * spelled with \u escapes.  NULL: none is known.  For terms `lead_term` is one, or NONE. */
    struct search *lead, *escape;
    uint16_t lead_term;
};

/* Each needs at least two characters of a pattern, a field or term but one. */
#define PATTERN_CONDITIONS_MAX (PATTERN_BYTES_MAX / 2)
#define PATTERN_STEPS_MAX      (PATTERN_BYTES_MAX / 2 + 1)
#define PATTERN_FIELDS_MAX     (PATTERN_BYTES_MAX)
#define PATTERN_TERMS_MAX      (PATTERN_BYTES_MAX)

struct member {
    struct slice key;
    const char *value;
};

/* Where a run stands next in a text of lines, once it was looked for. */
struct cursor {
    size_t next;
    bool known;
};

struct pattern_scratch {
    struct search_room *room;
    struct cursor terms[PATTERN_TERMS_MAX], lead, escape;
    unsigned char answers[PATTERN_CONDITIONS_MAX];         /* of each condition */
    struct slice tokens[PATTERN_FIELDS_MAX];               /* the text of each field */
    const char *found[PATTERN_STEPS_MAX];                  /* the value each step leads to */
    unsigned char nesting[PATTERN_JSON_DEPTH_MAX / 8 + 1]; /* of JSON: one bit a level */
    char *text;                                            /* decoded */
    size_t text_room;
    struct member *members;
    size_t member_room;
};

enum pattern_answer terms_match(const struct pattern *pattern, struct pattern_scratch *scratch,
                                struct slice text);
enum pattern_answer space_match(const struct pattern *pattern, struct pattern_scratch *scratch,
                                struct slice text);
enum pattern_answer json_match(const struct pattern *pattern, struct pattern_scratch *scratch,
                               struct slice text);

/* Whether two texts are the same. */
bool same_slice(struct slice a, struct slice b);

#endif
