/* SPDX-License-Identifier: Apache-2.0 */
/* What CloudWatch Logs may leave out of an answer: a filter pattern for FilterLogEvents that every
 * event matches of which rules can tell anything.  Most events of a busy database are statements
 * that begin and end on their own line and make nobody a name. */
#ifndef TAILGATE_FILTERS_SERVICE_FILTER_H
#define TAILGATE_FILTERS_SERVICE_FILTER_H

#include "filters/format.h"
#include "filters/rule.h"

/* The pattern, in static words; NULL when nothing may be left out: when a rule is applied to whole
 * events, or the format is not known to be the MySQL family's, the only one with a proof.
 *
 * With it an answer holds every event of which judge_next tells something new, but for one: a row
 * cut within ",HOST,ID,0,OPERATION," across two events, of which the first is told as a fragment
 * only.  What events say of each other, such as that a row was forged or that the rest of a torn
 * one has come, needs the events between: event.apart says that they may be missing. */
const char *service_filter(const struct rules *rules, enum format format);

#endif
