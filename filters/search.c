/* SPDX-License-Identifier: Apache-2.0 */
/* Searching text for a fixed run of bytes, by PCRE2. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "filters/search.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdlib.h>

struct search {
    pcre2_code *code;
    pcre2_match_data *data;
    pcre2_match_context *limits;
    bool compiled; /* to machine code; where the system refuses that, PCRE2 interprets */
};

/* PCRE2 wants a pointer even for no bytes. */
static PCRE2_SPTR bytes_of(struct slice text)
{
    return (PCRE2_SPTR)(text.len > 0 ? text.data : "");
}

struct search *search_literal(struct slice literal)
{
    struct search *search = calloc(1, sizeof *search);
    PCRE2_SIZE offset;
    int code;

    if (!search) {
        return NULL;
    }
    search->code =
        pcre2_compile(bytes_of(literal), literal.len, PCRE2_LITERAL, &code, &offset, NULL);
    search->limits = pcre2_match_context_create(NULL);
    search->data = pcre2_match_data_create(1, NULL);
    if (!search->code || !search->limits || !search->data) {
        search_free(search);
        return NULL;
    }
    (void)pcre2_set_match_limit(search->limits, SEARCH_MATCH_LIMIT);
    (void)pcre2_set_depth_limit(search->limits, SEARCH_DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(search->limits, SEARCH_HEAP_LIMIT);
    search->compiled = pcre2_jit_compile(search->code, PCRE2_JIT_COMPLETE) == 0;
    return search;
}

void search_free(struct search *search)
{
    if (!search) {
        return;
    }
    pcre2_match_data_free(search->data);
    pcre2_match_context_free(search->limits);
    pcre2_code_free(search->code);
    free(search);
}

enum pattern_answer search_run(const struct search *search, struct slice text)
{
    int found;

    if (search->compiled) {
        found = pcre2_jit_match(search->code, bytes_of(text), text.len, 0, 0, search->data,
                                search->limits);
    } else {
        found =
            pcre2_match(search->code, bytes_of(text), text.len, 0, 0, search->data, search->limits);
    }
    if (found >= 0) {
        return PATTERN_YES;
    }
    return found == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_UNDECIDED;
}
