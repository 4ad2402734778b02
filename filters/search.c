/* SPDX-License-Identifier: Apache-2.0 */
/* Searching text by PCRE2.
 *
 * Its usual matcher tries one way after the other, and is quick: mostly the first tells.  But text
 * can be made on which even a harmless expression tries for minutes: ',CONNECT,.*1045' on a
 * megabyte of ',CONNECT,', and PCRE2's own limits count anew at each place where a match may begin.
 * So callouts count over all of them, and past a limit the other matcher of PCRE2 is asked, which
 * is slow, but goes all ways at once and over the text but once (pcre2matching(3)). */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "filters/search.h"

#include <pcre2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "filters/find.h"
#include "filters/regex.h"

/* How many bytes may be looked at in vain before the steady matcher is asked: each try may look at
 * all of the text. */
#define WASTE_MAX       (16 * 1024 * 1024)
#define TRIES_MIN       16
#define MATCH_LIMIT     100000
#define DEPTH_LIMIT     1000
#define HEAP_LIMIT      1024 /* KiB */
#define STEADY_TEXT_MAX (4 * 1024 * 1024)
/* The ways it goes at once.  For each byte every two of them are compared, so there are fewer for a
 * longer text; an expression has seldom ten. */
#define STEADY_WAYS_MIN 16
#define STEADY_WAYS_MAX 680
#define STEADY_COMPARED (64 * 1024 * 1024)
#define STEADY_INTS(n)  (2 + 6 * (n)) /* of room for so many ways (pcre2_dfa_match.c) */
#define STEADY_PREFIX   "\\A[\\s\\S]*?(?:"

struct search {
    char *lead; /* all of a fixed run */
    size_t lead_len;
    bool fast; /* a fixed run, to be found by find.h */
    struct find find;
    pcre2_code *quick;  /* finds the first place */
    pcre2_code *steady; /* of expressions with repeats; begins at the text's begin */
    bool compiled; /* quick, to machine code; where the system refuses that, PCRE2 interprets */
};

struct search_room {
    pcre2_match_data *data;
    pcre2_match_context *limits, *unlimited;
    uint64_t waste, text_len; /* bytes that may still be looked at in vain */
    int ways[STEADY_INTS(STEADY_WAYS_MAX)];
};

/* PCRE2 wants a pointer even for no bytes. */
static PCRE2_SPTR bytes_of(struct slice text)
{
    return (PCRE2_SPTR)(text.len > 0 ? text.data : "");
}

/* Called where regex.h says. */
static int count_try(pcre2_callout_block *block, void *data)
{
    struct search_room *room = data;
    uint64_t bytes =
        block->callout_number == 0 ? room->text_len + 1 : UINT64_C(1) << block->callout_number;

    if (room->waste < bytes) {
        return PCRE2_ERROR_CALLOUT;
    }
    room->waste -= bytes;
    return 0;
}

struct search_room *search_room_new(void)
{
    struct search_room *room = calloc(1, sizeof *room);

    if (!room) {
        return NULL;
    }
    room->data = pcre2_match_data_create(1, NULL);
    room->limits = pcre2_match_context_create(NULL);
    room->unlimited = pcre2_match_context_create(NULL);
    if (!room->data || !room->limits || !room->unlimited) {
        search_room_free(room);
        return NULL;
    }
    (void)pcre2_set_match_limit(room->limits, MATCH_LIMIT);
    (void)pcre2_set_depth_limit(room->limits, DEPTH_LIMIT);
    (void)pcre2_set_heap_limit(room->limits, HEAP_LIMIT);
    (void)pcre2_set_callout(room->limits, count_try, room);
    return room;
}

void search_room_free(struct search_room *room)
{
    if (room) {
        pcre2_match_data_free(room->data);
        pcre2_match_context_free(room->limits);
        pcre2_match_context_free(room->unlimited);
        free(room);
    }
}

static bool keep_lead(struct search *search, struct slice lead)
{
    search->lead = malloc(lead.len + 1);
    search->lead_len = lead.len;
    if (search->lead && lead.len > 0) {
        memcpy(search->lead, lead.data, lead.len);
    }
    return search->lead;
}

struct search *search_literal(struct slice literal)
{
    struct search *search = calloc(1, sizeof *search);
    PCRE2_SIZE offset;
    int code;

    if (!search) {
        return NULL;
    }
    if (!keep_lead(search, literal)) {
        search_free(search);
        return NULL;
    }
    search->fast = literal.len > 0 && find_prepare(&search->find, search_lead(search));
    if (search->fast) {
        return search;
    }
    search->quick =
        pcre2_compile(bytes_of(literal), literal.len, PCRE2_LITERAL, &code, &offset, NULL);
    if (!search->quick) {
        search_free(search);
        return NULL;
    }
    search->compiled = pcre2_jit_compile(search->quick, PCRE2_JIT_COMPLETE) == 0;
    return search;
}

/* Says where PCRE2 does not like what was written for it. */
static void explain(const struct regex_out *out, size_t offset, int code,
                    struct pattern_error *error)
{
    static const char begin[] = "this regular expression is broken: ";

    error->offset = out->len == 0       ? 0
                    : offset < out->len ? out->from[offset]
                                        : (size_t)out->from[out->len - 1];
    memcpy(error->text, begin, sizeof begin);
    (void)pcre2_get_error_message(code, (PCRE2_UCHAR *)error->text + sizeof begin - 1,
                                  sizeof error->text - sizeof begin);
}

static pcre2_code *compile(const struct regex_out *out, struct pattern_error *error)
{
    PCRE2_SIZE offset;
    int code;
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)out->text, out->len,
                      PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | PCRE2_NEVER_UTF |
                          PCRE2_NEVER_UCP | PCRE2_NO_AUTO_CAPTURE,
                      &code, &offset, NULL);

    if (!compiled) {
        explain(out, offset, code, error);
    }
    return compiled;
}

static pcre2_code *compile_steady(const struct regex_out *out, struct pattern_error *error)
{
    char text[sizeof STEADY_PREFIX + REGEX_OUT_MAX];
    size_t used = sizeof STEADY_PREFIX - 1;
    PCRE2_SIZE offset;
    int code;

    memcpy(text, STEADY_PREFIX, used);
    memcpy(text + used, out->text, out->len);
    used += out->len;
    text[used++] = ')';
    pcre2_code *compiled =
        pcre2_compile((PCRE2_SPTR)text, used, PCRE2_DOLLAR_ENDONLY, &code, &offset, NULL);
    if (!compiled) {
        explain(out, 0, code, error);
    }
    return compiled;
}

struct search *search_regex(struct slice expression, struct pattern_error *error)
{
    struct search *search = calloc(1, sizeof *search);
    struct regex_out *out = malloc(sizeof *out);
    bool ok = search && out;

    error->offset = 0;
    memcpy(error->text, "out of memory", sizeof "out of memory");
    if (ok) {
        ok = keep_lead(search, regex_lead(expression)) &&
             regex_translate(expression, REGEX_QUICK, out, error) &&
             (search->quick = compile(out, error)) &&
             regex_translate(expression, REGEX_STEADY, out, error) &&
             (search->steady = compile_steady(out, error));
    }
    if (ok) {
        search->compiled = pcre2_jit_compile(search->quick, PCRE2_JIT_COMPLETE) == 0;
    } else {
        search_free(search);
        search = NULL;
    }
    free(out);
    return search;
}

void search_free(struct search *search)
{
    if (search) {
        free(search->lead);
        pcre2_code_free(search->quick);
        pcre2_code_free(search->steady);
        free(search);
    }
}

static int run_quick(const struct search *search, struct search_room *room, struct slice text,
                     size_t from)
{
    pcre2_match_context *context = search->steady ? room->limits : room->unlimited;

    if (search->compiled) {
        return pcre2_jit_match(search->quick, bytes_of(text), text.len, from, 0, room->data,
                               context);
    }
    return pcre2_match(search->quick, bytes_of(text), text.len, from, 0, room->data, context);
}

static size_t steady_ways(size_t text_len)
{
    size_t ways = STEADY_WAYS_MIN;

    while (ways < STEADY_WAYS_MAX && (ways + 1) * (ways + 1) <= STEADY_COMPARED / (text_len + 1)) {
        ways++;
    }
    return ways;
}

enum pattern_answer search_run(const struct search *search, struct search_room *room,
                               struct slice text)
{
    if (search->fast) {
        return find_next(&search->find, text, 0) < text.len ? PATTERN_YES : PATTERN_NO;
    }
    room->text_len = text.len;
    room->waste = WASTE_MAX + TRIES_MIN * ((uint64_t)text.len + 1);
    int found = run_quick(search, room, text, 0);

    if (found < 0 && found != PCRE2_ERROR_NOMATCH && search->steady &&
        text.len <= STEADY_TEXT_MAX) {
        found = pcre2_dfa_match(search->steady, bytes_of(text), text.len, 0,
                                PCRE2_DFA_SHORTEST | PCRE2_ANCHORED, room->data, room->unlimited,
                                room->ways, STEADY_INTS(steady_ways(text.len)));
    }
    if (found >= 0) {
        return PATTERN_YES;
    }
    return found == PCRE2_ERROR_NOMATCH ? PATTERN_NO : PATTERN_UNDECIDED;
}

struct slice search_lead(const struct search *search)
{
    return (struct slice){ search->lead, search->lead_len };
}

size_t search_next(const struct search *search, struct search_room *room, struct slice text,
                   size_t from)
{
    if (search->fast) {
        return find_next(&search->find, text, from);
    }
    return run_quick(search, room, text, from) >= 0 ? pcre2_get_ovector_pointer(room->data)[0]
                                                    : text.len;
}
