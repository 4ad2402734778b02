/* SPDX-License-Identifier: Apache-2.0 */
/* What is in a text that holds "abc": "b", too.  What is not in one without "b": "abc". */
#include "filters/pattern_implies.h"

#include <string.h>

#include "filters/pattern_internal.h"

static struct slice source_of(const struct pattern *pattern, const struct term *term)
{
    struct slice source = { pattern->text.data + term->extent.offset, term->extent.len };

    /* From the opening '%' on: the sign and blanks behind it are the kind. */
    const char *begin = memchr(source.data, '%', source.len);
    size_t skipped = begin ? (size_t)(begin - source.data) : 0;
    return (struct slice){ source.data + skipped, source.len - skipped };
}

/* Whether a text in which one term is found holds another, too. */
static bool brings(const struct pattern *pattern, const struct term *term,
                   const struct pattern *other_pattern, const struct term *other)
{
    struct slice run = search_lead(term->search), wanted = search_lead(other->search);

    if (other->regex) {
        return term->regex && same_slice(source_of(pattern, term), source_of(other_pattern, other));
    }
    /* Of an expression `run` is a run that it is sure to hold. */
    return wanted.len == 0 || (run.len > 0 && memmem(run.data, run.len, wanted.data, wanted.len));
}

static bool some_brings(const struct pattern *strong, enum term_kind kind,
                        const struct pattern *weak, const struct term *wanted)
{
    for (size_t i = 0; i < strong->term_count; i++) {
        if (strong->terms[i].kind == kind && brings(strong, &strong->terms[i], weak, wanted)) {
            return true;
        }
    }
    return false;
}

/* Whether excluding a term of `strong` excludes one of `weak`. */
static bool is_excluded(const struct pattern *strong, const struct pattern *weak,
                        const struct term *term)
{
    for (size_t i = 0; i < strong->term_count; i++) {
        const struct term *excluded = &strong->terms[i];
        if (excluded->kind == TERM_EXCLUDED && brings(weak, term, strong, excluded)) {
            return true;
        }
    }
    return false;
}

/* Whether a text that holds a term of `strong` holds one of the optional terms. */
static bool brings_optional(const struct pattern *strong, const struct term *term,
                            const struct pattern *weak)
{
    for (size_t i = 0; i < weak->term_count; i++) {
        if (brings(strong, term, weak, &weak->terms[i])) {
            return true;
        }
    }
    return false;
}

static bool implies_optional(const struct pattern *strong, const struct pattern *weak)
{
    bool all = strong->term_count > 0 && strong->terms[0].kind == TERM_OPTIONAL;

    for (size_t i = 0; i < strong->term_count; i++) {
        const struct term *term = &strong->terms[i];
        bool one = term->kind != TERM_EXCLUDED && brings_optional(strong, term, weak);
        if (one != all) {
            return one; /* one that must be there is enough; of optional ones, all are needed */
        }
    }
    return all;
}

static bool implies_terms(const struct pattern *strong, const struct pattern *weak)
{
    if (weak->term_count > 0 && weak->terms[0].kind == TERM_OPTIONAL) {
        return implies_optional(strong, weak);
    }
    for (size_t i = 0; i < weak->term_count; i++) {
        const struct term *term = &weak->terms[i];
        bool holds = term->kind == TERM_PLAIN ? some_brings(strong, TERM_PLAIN, weak, term)
                                              : is_excluded(strong, weak, term);
        /* Nothing is in no text, and an empty run in every. */
        bool nothing =
            term->kind == TERM_PLAIN && !term->regex && search_lead(term->search).len == 0;
        if (!holds && !nothing) {
            return false;
        }
    }
    return true;
}

bool pattern_implies(const struct pattern *strong, const struct pattern *weak)
{
    if (weak->shape == SHAPE_TERMS && weak->term_count == 0) {
        return true;
    }
    if (strong->shape == SHAPE_TERMS && weak->shape == SHAPE_TERMS) {
        return implies_terms(strong, weak);
    }
    return strong->shape == weak->shape && same_slice(strong->text, weak->text);
}
