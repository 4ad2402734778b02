/* SPDX-License-Identifier: Apache-2.0 */
/* The proof that nothing is lost.
 *
 * The pattern is one regular expression, with an alternative for each way in which an event is not
 * a plain statement, as the language has no negation.  It uses no more than the service documents
 * (CloudWatch Logs User Guide, "Supported regular expressions (regex) syntax"): letters, digits,
 * ',', '-', '@', '_', the operators ^ $ [] | * + ? and \xhh; neither parentheses nor blanks nor
 * quotes may stand in one.  It is searched for in the whole event; case counts.  If '^' and '$'
 * stood for the ends of lines as well, or '$' for the place before a last LF, more would match.
 *
 * Take an event that does not match, and see that nothing new can be told of it alone:
 * - It is one line: no LF stands in it.
 * - It ends as a statement (ends_statement in mysql.c): with a quote, a comma, digits and perhaps
 *   two commas.  For its last byte that is neither digit nor comma is a quote, and all else that
 *   may stand behind that is an alternative.
 * - It says that it is a QUERY, or one of Aurora's kinds of it: there is a 'Q' in it, and the first
 *   is that of ",QUERY," or ",QUERY_D".  With such an end it is no torn head (ends_otherwise), so
 *   no KIND_FRAGMENT.
 * - It holds no candidate (read_candidate), neither of a connection nor of an end, nor quoted in
 *   SQL: before the operation of one stands ",0,", and operations begin with C, D or F.  So it is
 *   no KIND_CONNECTION, nor KIND_FORGERY, which is told of lines that hold some.
 * - No statement in it begins like one that makes names (begins_so in hostile_name.c): behind each
 *   ",'" stands a letter, and not the first three of such a statement; or SET, and behind it what
 *   cannot lead to STATEMENT.  So it is no KIND_HOSTILE_NAME.
 * Rules that look at events as a whole are left out first.
 *
 * Who changes one of those changes this.  tests/differential/test_service_filter.py tries it on the
 * captures and on lines made of their pieces. */
#include "filters/service_filter.h"

#include <stddef.h>

#include "filters/rule_internal.h"

#define QUOTE "\\x27"
#define BLANK "\\x20"

static const char mysql_filter[] =
    /* A candidate, or more than one line. */
    "%,0,[CDF]|\\x0A"
    /* Before the digits and commas at the end stands no quote. */
    "|[^0-9," QUOTE "][0-9,]*$"
    /* A quote does, but no end of a statement behind it: nothing, or a comma alone; a digit; two
     * commas; digits with one comma behind them, or with a comma and digits, or with two commas and
     * more. */
    "|" QUOTE ",?$|" QUOTE "[0-9][0-9,]*$|" QUOTE ",,[0-9,]*$|" QUOTE ",[0-9]+,$"
    "|" QUOTE ",[0-9]+,[0-9][0-9,]*$|" QUOTE ",[0-9]+,,[0-9,]+$"
    /* The first 'Q' is not that of ",QUERY," or ",QUERY_D". */
    "|^[^Q]*$|^[^Q]*[^,Q]Q|^[^Q]*Q[^U]|^[^Q]*QU[^E]|^[^Q]*QUE[^R]|^[^Q]*QUER[^Y]"
    "|^[^Q]*QUERY[^,_]|^[^Q]*QUERY_[^D]"
    /* A statement that may make a name: one behind a blank or a comment, CREATE, EXECUTE, GRANT,
     * PREPARE, RENAME, SET STATEMENT. */
    "|," QUOTE "[^a-zA-Z]|," QUOTE "[cC][rR][eE]|," QUOTE "[eE][xX][eE]|," QUOTE "[gG][rR][aA]"
    "|," QUOTE "[pP][rR][eE]|," QUOTE "[rR][eE][nN]|," QUOTE "[sS][eE][tT][^a-zA-Z" BLANK "]"
    "|," QUOTE "[sS][eE][tT]" BLANK "[^a-zA-Z@]|," QUOTE "[sS][eE][tT]" BLANK "[sS][tT]%";

const char *service_filter(const struct rules *rules, enum format format)
{
    if (format != FORMAT_MYSQL) {
        return NULL;
    }
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->items[i].outside == 0) {
            return NULL;
        }
    }
    return mysql_filter;
}
