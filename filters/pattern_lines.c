/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that match. */
#include "filters/pattern_lines.h"

#include <string.h>

#include "filters/pattern_internal.h"
#include "filters/pattern_value.h"

void pattern_lines_begin(struct pattern_lines *lines, const struct pattern *pattern,
                         struct pattern_scratch *scratch, struct slice text)
{
    *lines = (struct pattern_lines){ pattern, scratch, text, 0 };
    scratch->lead.known = scratch->escape.known = false;
    for (size_t i = 0; i < pattern->term_count; i++) {
        scratch->terms[i].known = false;
    }
}

static size_t line_begin(struct slice text, size_t from, size_t at)
{
    const char *lf = memrchr(text.data + from, '\n', at - from);

    return lf ? (size_t)(lf + 1 - text.data) : from;
}

static size_t line_end(struct slice text, size_t at)
{
    const char *lf = memchr(text.data + at, '\n', text.len - at);

    return lf ? (size_t)(lf - text.data) : text.len;
}

/* The first place of a run at or behind `from`.  It is remembered, so that the text is gone through
 * once for each run, however many lines ask. */
static size_t next_place(struct pattern_lines *lines, const struct search *search, size_t from,
                         struct cursor *cursor)
{
    if (!cursor->known || cursor->next < from) {
        cursor->next = search_next(search, lines->scratch->room, lines->text, from);
        cursor->known = true;
    }
    return cursor->next;
}

/* A place that no line which matches lies before. */
static size_t candidate(struct pattern_lines *lines)
{
    const struct pattern *pattern = lines->pattern;
    struct pattern_scratch *scratch = lines->scratch;
    size_t at = lines->at, first;

    if (pattern->lead_term != NONE) {
        return next_place(lines, pattern->terms[pattern->lead_term].search, at,
                          &scratch->terms[pattern->lead_term]);
    }
    if (!pattern->lead) {
        return at;
    }
    first = next_place(lines, pattern->lead, at, &scratch->lead);
    if (pattern->escape) {
        size_t escape = next_place(lines, pattern->escape, at, &scratch->escape);
        return escape < first ? escape : first;
    }
    return first;
}

/* Whether a term is in the line from `begin` to `end`. */
static enum pattern_answer has_term(struct pattern_lines *lines, size_t number, size_t begin,
                                    size_t end)
{
    const struct term *term = &lines->pattern->terms[number];

    if (term->regex) {
        return search_run(term->search, lines->scratch->room,
                          (struct slice){ lines->text.data + begin, end - begin });
    }
    return next_place(lines, term->search, begin, &lines->scratch->terms[number]) + term->len <= end
               ? PATTERN_YES
               : PATTERN_NO;
}

static enum pattern_answer match_terms(struct pattern_lines *lines, size_t begin, size_t end)
{
    const struct pattern *pattern = lines->pattern;
    bool any = pattern->term_count > 0 && pattern->terms[0].kind == TERM_OPTIONAL;
    enum pattern_answer answer = any ? PATTERN_NO : PATTERN_YES;

    for (size_t i = 0; i < pattern->term_count; i++) {
        enum pattern_answer found = has_term(lines, i, begin, end);

        if (pattern->terms[i].kind == TERM_EXCLUDED) {
            found = answer_not(found);
        }
        answer = any ? answer_or(answer, found) : answer_and(answer, found);
        if (answer == (any ? PATTERN_YES : PATTERN_NO)) {
            break;
        }
    }
    return answer;
}

bool pattern_lines_next(struct pattern_lines *lines, struct slice *line,
                        enum pattern_answer *answer)
{
    while (lines->at < lines->text.len) {
        size_t at = candidate(lines);
        if (at >= lines->text.len) {
            break;
        }
        size_t begin = line_begin(lines->text, lines->at, at), end = line_end(lines->text, at);
        *line = (struct slice){ lines->text.data + begin, end - begin };
        *answer = lines->pattern->shape == SHAPE_TERMS
                      ? match_terms(lines, begin, end)
                      : pattern_match(lines->pattern, lines->scratch, *line);
        lines->at = end + 1;
        if (*answer != PATTERN_NO) {
            return true;
        }
    }
    lines->at = lines->text.len;
    return false;
}
