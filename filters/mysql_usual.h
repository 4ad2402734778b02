/* SPDX-License-Identifier: Apache-2.0 */
/* What is usual in a stream of rows, so that a row made up by somebody stands out: the server's
 * name, the time, how late rows arrive, and connection ids, which rise by one.
 *
 * What is usual is learned from rows that nothing else is suspected of, and changes only when
 * USUAL_ADOPT rows in turn agree on something new: a restart or a failover does that, while a
 * forged row comes with a true one. */
#ifndef TAILGATE_FILTERS_MYSQL_USUAL_H
#define TAILGATE_FILTERS_MYSQL_USUAL_H

#include <stdbool.h>
#include <stdint.h>

#include "filters/event.h"
#include "filters/reading.h"
#include "filters/record.h"

#define USUAL_ADOPT       8
#define USUAL_SERVERS_MAX 16
#define USUAL_TIME_MS     (5 * INT64_C(60000))       /* rows side by side differ by less */
#define USUAL_QUIET_MS    (24 * 60 * INT64_C(60000)) /* a log may be silent for so long */
/* Ids: how far the next one may be ahead at once, and for each second since the last; and how far
 * behind the highest one a slow handshake may be. */
#define USUAL_ID_AHEAD      64
#define USUAL_ID_PER_SECOND 100
#define USUAL_ID_BEHIND     256
#define USUAL_IDS_RECENT    16

/* One value that rows agree on. */
struct usual_value {
    bool known;
    int64_t value;
    int64_t other; /* what the last rows say instead, and how many of them */
    unsigned others;
};

struct usual {
    struct usual_value server, form, offset, lag;
    const char *dialect, *other_dialect; /* NULL: none yet */
    unsigned other_dialects;
    int64_t now;   /* time of the last row that was not out of time; 0: none yet */
    int64_t later; /* a time that rows agree on instead, and how many of them */
    unsigned laters;
    int64_t time; /* of time_text */
    char time_text[17];
    size_t time_len;
};

struct usual_ids {
    uint64_t server; /* hash of its name */
    bool known;
    int64_t highest; /* rises no faster than the constants above say */
    int64_t at;      /* time of the row with it */
    int64_t other;   /* as above */
    unsigned others;
    /* Of the last rows, whatever they are: forged rows that climb step by step cannot take a true
     * one's id out of what is possible, as a true row comes with each of them. */
    size_t next;
    int64_t recent[USUAL_IDS_RECENT];
};

/* Marks of a row that begins with a time: MARK_SERVER_MISMATCH, MARK_TIME_MISMATCH. */
unsigned usual_row(struct usual *usual, const struct event *event, const struct record *record,
                   uint64_t server);
/* In words; NULL while nothing is known. */
const char *usual_dialect(const struct usual *usual);

/* What is known of a server's ids; of more than USUAL_SERVERS_MAX some share one. */
struct usual_ids *usual_ids_of(struct usual_ids *servers, uint64_t server);
/* Whether an id follows the others, or fills a gap among the latest.  `learn`: nothing else is
 * suspected of the row.  *gaps: ids left out, counted up and down. */
bool usual_id_follows(struct usual_ids *ids, int64_t id, int64_t now, bool learn, int64_t *gaps);
/* Whether a connection whose row comes now may have this id, at any of the servers: which one the
 * row is of is said by its head alone, and a name can write that.  While none is known any may. */
bool usual_id_possible(const struct usual_ids *servers, int64_t id, int64_t now, bool *known);

#endif
