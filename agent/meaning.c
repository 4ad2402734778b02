/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences, which alerts and `tailgate explain` share. */
#include "agent/meaning.h"

#include "filters/reading.h"

/* In the order of enum mark. */
static const char *const marks[] = {
    "the address was decoded from the name the VPC's resolver gives instances",
    "the row reads as more than one connection: a name in it may imitate a row; all of them are "
    "told",
    "the row has no beginning of its own, or the one before it has no end: the client seen next on "
    "this stream may have forged it",
    "the same row stands in the log twice, under two event ids: rows that come out of a name do, "
    "and now and then the service delivers a row twice",
    "the row does not end as it should: something is cut off, or a name imitates an end",
    "the row was too unusual to be judged within the limits, so it is told",
    "the row became readable only after its time had been read",
    "its connection id was used before, or does not follow those around it, as when somebody had "
    "to guess one",
    "it names another server than the rows around it: a forger has to guess that name, and "
    "failovers change it",
    "its time is not that of the rows around it, as when it was written before it came",
    "another client wrote this row through a user or database name: it proves nothing about the "
    "host it names",
};
_Static_assert(sizeof marks / sizeof *marks == MARKS_COUNT, "each mark has its sentence");

const char *meaning_of_mark(unsigned index)
{
    return index < MARKS_COUNT ? marks[index] : "";
}

const char *meaning_of_verdict(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_INSIDE:
        return "the address is inside the networks";
    case VERDICT_OUTSIDE:
        return "the address is in none of the networks the rule names";
    case VERDICT_LOCAL:
        return "the client is on the database host itself";
    case VERDICT_UNRESOLVED:
        return "the server logged a name, not an address; whoever owns a reverse zone chooses such "
               "names, so it counts as outside. Set skip_name_resolve=1 on the database to get "
               "addresses";
    case VERDICT_UNKNOWN:
        return "the row does not say where the client is, or there are no networks to judge by";
    }
    return "";
}
