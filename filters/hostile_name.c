/* SPDX-License-Identifier: Apache-2.0 */
/* Finding the statements that make hostile names.
 *
 * Statements are read through up to two layers of escapes: server_audit's around the statement, and
 * those of an SQL string around a statement that is to be prepared.  There is no grammar beyond
 * where a name stands: behind some words, and behind each comma from there on. */
#include "filters/hostile_name.h"

#include <string.h>

#define WORD_MAX 15 /* longer than any word that matters */

/* What is left of a statement. */
struct text {
    const char *p, *end;
    int quote;     /* of the SQL string that the statement stands in; 0: in none */
    bool one_line; /* no line end comes any more */
};

enum kind { TEXT_END, WORD, QUOTED, AT, COMMA, OPEN, CLOSE, SEMICOLON, OTHER };

struct token {
    enum kind kind;
    char word[WORD_MAX + 1]; /* of a WORD, in capitals, cut */
    struct slice name;       /* of a QUOTED, as it stands in the line, without its quotes */
    bool hostile;
    struct text inside; /* of a QUOTED: read as a statement */
};

/* A statement that makes or names a database or an account.  A word with '?' may be missing. */
struct form {
    const char *words;
    const char *before; /* the words that names stand behind; NULL: behind all of `words` */
    bool prepares;      /* it is no name that stands there, but a statement */
};

static const struct form forms[] = {
    { "CREATE OR? REPLACE? DATABASE IF? NOT? EXISTS?", NULL, false },
    { "CREATE OR? REPLACE? SCHEMA IF? NOT? EXISTS?", NULL, false },
    { "CREATE OR? REPLACE? USER IF? NOT? EXISTS?", NULL, false },
    { "CREATE OR? REPLACE? ROLE IF? NOT? EXISTS?", NULL, false },
    { "RENAME USER", "TO", false },
    { "GRANT", "ON TO", false },
    { "EXECUTE IMMEDIATE", NULL, true },
    { "PREPARE", "FROM", true },
};

/* How statements begin that can hold one of these. */
static const struct beginning {
    char letters[3];
    const char *words; /* all that it must begin with; NULL: only the letters are looked at */
} beginnings[] = {
    { { 'c', 'r', 'e' }, NULL }, /* procedures and events hold statements too */
    { { 'e', 'x', 'e' }, "EXECUTE IMMEDIATE" },
    { { 'g', 'r', 'a' }, NULL },
    { { 'p', 'r', 'e' }, NULL },
    { { 'r', 'e', 'n' }, "RENAME USER" },
    { { 's', 'e', 't' }, "SET STATEMENT" }, /* ... FOR another one */
};

/* ---- bytes ---- */

/* Each gives the next byte, or -1 at the end. */
typedef int next_byte(struct text *text);

/* A byte of what the server was sent. */
static int sent_byte(struct text *text)
{
    static const char letters[] = "nrtbf'\\", meanings[] = "\n\r\t\b\f'\\";
    const char *found;
    char c;

    if (text->p == text->end) {
        return -1;
    }
    c = *text->p;
    if (c == '\'') { /* the end of the statement in the row */
        text->p = text->end;
        return -1;
    }
    text->p++;
    if (c == '\\' && text->p < text->end &&
        (found = memchr(letters, *text->p, sizeof letters - 1))) {
        text->p++;
        c = meanings[found - letters];
    }
    return (unsigned char)c;
}

/* A byte of what stands between quotes; at their end they are passed over. */
static int quoted_byte(struct text *text, next_byte *next, int quote)
{
    static const char letters[] = "nrtbZ0", meanings[] = "\n\r\t\b\x1a";
    struct text after;
    const char *found;
    int c = next(text);

    if (c == quote) {
        after = *text;
        if (next(&after) != quote) {
            return -1;
        }
        *text = after;
    } else if (c == '\\' && quote != '`') {
        c = next(text);
        found = c < 0 ? NULL : memchr(letters, c, sizeof letters - 1);
        c = found ? meanings[found - letters] : c;
    }
    return c;
}

/* A byte of the statement. */
static int statement_byte(struct text *text)
{
    int c;

    if (!text->quote) {
        return sent_byte(text);
    }
    c = quoted_byte(text, sent_byte, text->quote);
    if (c < 0) {
        text->p = text->end;
    }
    return c;
}

static int peek(const struct text *text)
{
    struct text copy = *text;

    return statement_byte(&copy);
}

static bool take(struct text *text, int wanted)
{
    struct text after = *text;

    if (statement_byte(&after) != wanted) {
        return false;
    }
    *text = after;
    return true;
}

/* ---- words ---- */

static bool is_blank(int c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_word(int c)
{
    return is_letter(c) || is_digit(c) || c == '_' || c == '$' || c >= 0x80;
}

/* Behind the mark of a comment up to the end of its line.  Older plugins write line ends as blanks:
 * without one, what follows may be no comment any more, and is read. */
static void skip_line(struct text *text)
{
    struct text after = *text;
    int c = 0;

    while (!text->one_line && c != '\n') {
        c = statement_byte(&after);
        text->one_line = c < 0;
    }
    if (c == '\n') {
        *text = after;
    }
}

/* Behind the beginning of a comment.  One that the server reads (MariaDB documentation, "Comment
 * Syntax") is not passed over but for its mark; its end is, by skip_blanks. */
static void skip_comment(struct text *text)
{
    struct text after = *text;
    int c;

    (void)take(&after, 'M');
    if (take(&after, '!')) {
        while (is_digit(peek(&after))) {
            (void)statement_byte(&after);
        }
        *text = after;
        return;
    }
    do {
        c = statement_byte(text);
    } while (c >= 0 && !(c == '*' && take(text, '/')));
}

static void skip_blanks(struct text *text)
{
    for (;;) {
        struct text after = *text;
        int c = statement_byte(&after);

        if (c == '/' && take(&after, '*')) {
            skip_comment(&after);
        } else if (c == '#') {
            skip_line(&after);
        } else if (c == '-' && take(&after, '-')) {
            if (!is_blank(peek(&after)) && peek(&after) >= 0) {
                return;
            }
            skip_line(&after);
        } else if (!is_blank(c) && !(c == '*' && take(&after, '/'))) {
            return;
        }
        *text = after;
    }
}

/* Whether a name with this byte can forge columns, rows or the quotes of a statement. */
static bool is_hostile(int c)
{
    return c < 0x20 || c == 0x7f || c == ',' || c == '\'' || c == '"' || c == '`';
}

static void read_quoted(struct text *text, int quote, struct token *token)
{
    const char *stop;
    int c;

    token->kind = QUOTED;
    token->inside = (struct text){ .p = text->p, .end = text->end, .quote = quote };
    token->name.data = text->p;
    for (;;) {
        stop = text->p;
        c = quoted_byte(text, statement_byte, quote);
        if (c < 0) {
            break;
        }
        token->hostile = token->hostile || is_hostile(c);
    }
    token->name.len = (size_t)(stop - token->name.data);
}

static void read_word(struct text *text, int c, struct token *token)
{
    struct text before;
    size_t len = 0;

    token->kind = WORD;
    do {
        if (len < WORD_MAX) {
            token->word[len++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
        }
        before = *text;
        c = statement_byte(text);
    } while (is_word(c));
    *text = before;
    token->word[len] = '\0';
}

static void read_token(struct text *text, struct token *token)
{
    static const char marks[] = "@,();";
    static const enum kind kinds[] = { AT, COMMA, OPEN, CLOSE, SEMICOLON };
    const char *mark;
    int c;

    token->hostile = false;
    skip_blanks(text);
    c = statement_byte(text);
    if (c < 0) {
        token->kind = TEXT_END;
    } else if (is_word(c)) {
        read_word(text, c, token);
    } else if (c == '`' || c == '\'' || c == '"') {
        read_quoted(text, c, token);
    } else {
        mark = memchr(marks, c, sizeof marks - 1);
        token->kind = mark ? kinds[mark - marks] : OTHER;
    }
}

/* ---- statements ---- */

/* Takes the first of a list of words, apart by blanks, off its beginning. */
static struct slice first_word(const char **list)
{
    struct slice word = { *list, strcspn(*list, " ") };

    *list += word.len + ((*list)[word.len] == ' ');
    return word;
}

static bool is_same(const struct token *token, struct slice word)
{
    return token->kind == WORD && strlen(token->word) == word.len &&
           memcmp(token->word, word.data, word.len) == 0;
}

static bool is_one_of(const struct token *token, const char *list)
{
    while (list && *list) {
        if (is_same(token, first_word(&list))) {
            return true;
        }
    }
    return false;
}

/* Whether a form stands here, of which the first word has been read; then the others are too. */
static bool take_form(const char *words, const struct token *first, struct text *text)
{
    struct text after = *text;
    struct token token;

    if (!is_same(first, first_word(&words))) {
        return false;
    }
    read_token(&after, &token);
    while (*words) {
        struct slice word = first_word(&words);
        bool optional = word.data[word.len - 1] == '?';

        word.len -= optional;
        if (is_same(&token, word)) {
            *text = after;
            read_token(&after, &token);
        } else if (!optional) {
            return false;
        }
    }
    return true;
}

struct statement {
    const struct form *form; /* NULL: none has begun */
    unsigned depth;          /* of parentheses */
    bool listing;            /* a comma leads to one more name */
    bool expected;           /* a name comes now */
    bool named;              /* a name has just been */
};

static void begin(struct statement *statement, const struct token *token, struct text *text)
{
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct text after = *text;

        if (take_form(forms[i].words, token, &after)) {
            bool at_once = !forms[i].before;

            *statement =
                (struct statement){ .form = &forms[i], .listing = at_once, .expected = at_once };
            *text = after;
            return;
        }
    }
}

/* Goes on by one token; true when it is a name, or the statement that a form prepares. */
static bool is_named(struct statement *statement, const struct token *token)
{
    bool was_expected = statement->expected, was_named = statement->named;

    statement->named = false;
    switch (token->kind) {
    case QUOTED:
        /* A name right behind a name is one of which a comment for other releases hides one. */
        statement->named = was_expected || was_named;
        statement->expected = false;
        return statement->named;
    case WORD:
        if (is_one_of(token, statement->form->before)) {
            statement->listing = statement->expected = true;
        } else if (!is_one_of(token, "TABLE FUNCTION PROCEDURE PACKAGE BODY")) {
            statement->named = was_expected;
            statement->expected = false;
        }
        break;
    case AT:
        statement->expected = was_named;
        break;
    case COMMA:
        statement->expected = statement->listing && statement->depth == 0;
        break;
    case OPEN:
        statement->depth++;
        break;
    case CLOSE:
        statement->depth -= statement->depth > 0;
        break;
    case SEMICOLON:
        statement->form = NULL;
        break;
    case OTHER:
    case TEXT_END:
        break;
    }
    return false;
}

/* Of a statement, or of what one prepares; only an outer one can. */
static bool find_in(struct text *text, bool outer, struct slice *name)
{
    struct statement statement = { .form = NULL };
    struct token token;

    for (read_token(text, &token); token.kind != TEXT_END; read_token(text, &token)) {
        if (!statement.form) {
            begin(&statement, &token, text);
        } else if (is_named(&statement, &token)) {
            if (statement.form->prepares && outer && find_in(&token.inside, false, name)) {
                return true;
            }
            if (!statement.form->prepares && token.hostile) {
                *name = token.name;
                return true;
            }
        }
    }
    return false;
}

/* ---- rows ---- */

/* The beginning that has these first three letters, in any case, or NULL. */
static const struct beginning *find_beginning(const char *p)
{
    for (size_t i = 0; i < sizeof beginnings / sizeof *beginnings; i++) {
        const char *letters = beginnings[i].letters;

        if ((p[0] | 0x20) == letters[0] && (p[1] | 0x20) == letters[1] &&
            (p[2] | 0x20) == letters[2]) {
            return &beginnings[i];
        }
    }
    return NULL;
}

/* Whether a statement begins like one of those, which nearly none does, or behind a comment that
 * may have ended anywhere; passes over blanks and comments before it. */
static bool begins_so(struct text *text)
{
    if (text->p < text->end && !is_letter(*text->p)) {
        skip_blanks(text);
    }
    if (text->one_line || text->end - text->p < 3) {
        return text->one_line;
    }
    const struct beginning *beginning = find_beginning(text->p);
    if (beginning && beginning->words) {
        struct text after = *text;
        struct token first;

        read_token(&after, &first);
        return take_form(beginning->words, &first, &after);
    }
    return beginning != NULL;
}

bool hostile_name_possible(struct slice statement)
{
    const char *p = statement.data;

    if (statement.len < 3) {
        return p == NULL;
    }
    if (!is_letter((unsigned char)*p)) {
        return true; /* a comment, or a blank */
    }
    if (!find_beginning(p)) {
        return false;
    }
    /* Most of these are SET of a variable; what stands between SET and STATEMENT may be more than
     * a blank, or an escape or a comment instead of one. */
    return (p[0] | 0x20) != 's' || statement.len < 6 || p[3] != ' ' ||
           !is_letter((unsigned char)p[4]) || (p[5] | 0x20) == 't';
}

/* What follows the operation of a QUERY, or of one of Aurora's kinds of it (Amazon Aurora User
 * Guide, "Using Advanced Auditing"); NULL when there is none. */
static const char *find_operation(struct slice line)
{
    static const char operation[] = ",QUERY";
    const char *p = line.data, *end = line.data + line.len;

    while ((p = memmem(p, (size_t)(end - p), operation, sizeof operation - 1))) {
        p += sizeof operation - 1;
        if (end - p > 4 && memcmp(p, "_D", 2) == 0) {
            p += 4;
        }
        if (p < end && *p == ',') {
            return p + 1;
        }
    }
    return NULL;
}

/* Names before the statement are raw and may hold ",'" too, so each is tried.  The text behind one
 * ends at the next quote without a backslash, so no byte is read for two of them. */
bool hostile_name_find(struct slice line, struct slice *name)
{
    const char *p = line.data, *end, *operation = NULL;
    struct slice found;

    if (line.len == 0) {
        return false;
    }
    end = line.data + line.len;
    while ((p = memchr(p, '\'', (size_t)(end - p)))) {
        p++;
        struct text text = { .p = p, .end = end };
        if (p - line.data < 2 || p[-2] != ',' || !begins_so(&text)) {
            continue;
        }
        if (!operation && !(operation = find_operation(line))) {
            return false;
        }
        if (operation <= p - 2 && find_in(&text, true, &found)) {
            if (name) {
                *name = found;
            }
            return true;
        }
    }
    return false;
}
