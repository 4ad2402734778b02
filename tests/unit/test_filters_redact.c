/* SPDX-License-Identifier: Apache-2.0 */
/* SQL text is taken out of rows that are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filters/redact.h"

#define HEAD "20261122 14:08:14,srv,app,10.0.0.5,8,9,"

static void expect(enum record_kind kind, const char *text, const char *wanted)
{
    struct record record = { .kind = kind };
    char out[4096];
    size_t len = redact_message((struct slice){ text, strlen(text) }, &record, out, sizeof out);

    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(out, wanted, len);
}

static void statements_become_their_length(void **state)
{
    (void)state;
    expect(RECORD_OTHER, HEAD "QUERY,prod,'SELECT 1',0", HEAD "QUERY,prod,'<8 bytes>',0");
    expect(RECORD_OTHER, HEAD "QUERY,,'it\\'s \\'0\\',0',1064,,",
           HEAD "QUERY,,'<13 bytes>',1064,,");
    expect(RECORD_OTHER, HEAD "QUERY_DDL,p,'DROP USER x',0", HEAD "QUERY_DDL,p,'<11 bytes>',0");
    expect(RECORD_OTHER, HEAD "QUERY,p,'cut sho", HEAD "QUERY,p,'<7 bytes>");
    expect(RECORD_OTHER, HEAD "QUERY,p,''',0", HEAD "QUERY,p,'<1 bytes>',0");
}

static void every_line_of_an_event(void **state)
{
    (void)state;
    expect(RECORD_OTHER, HEAD "QUERY,p,'a',0\n\n" HEAD "QUERY,p,'bc',0\n",
           HEAD "QUERY,p,'<1 bytes>',0\n\n" HEAD "QUERY,p,'<2 bytes>',0\n");
}

static void statements_in_postgresql_logs(void **state)
{
    (void)state;
    expect(RECORD_OTHER,
           "2026-11-22 14:12:02 UTC:10.0.3.4(1):a@p:[9]:LOG:  AUDIT: "
           "SESSION,1,1,WRITE,INSERT,TABLE,public.t,"
           "\"insert into t\n\tvalues ('s3cr3t')\",<none>\nnext",
           "2026-11-22 14:12:02 UTC:10.0.3.4(1):a@p:[9]:LOG:  AUDIT: "
           "SESSION,1,1,WRITE,INSERT,TABLE,public.t,"
           "<14 bytes>\n\t<25 bytes>\nnext");
    expect(RECORD_OTHER, "x:[9]:STATEMENT:  alter user a password 'b'",
           "x:[9]:STATEMENT:  <25 bytes>");
    expect(RECORD_OTHER, "x:[9]:LOG:  duration: 5 ms  statement: select 1",
           "x:[9]:LOG:  <35 bytes>");
    expect(RECORD_OTHER, "x:[9]:LOG:  execute <unnamed>: ALTER USER app PASSWORD 's3cr3t'",
           "x:[9]:LOG:  <51 bytes>");
    expect(RECORD_OTHER, "x:[9]:DETAIL:  parameters: $1 = 's3cr3t'", "x:[9]:DETAIL:  <25 bytes>");
    expect(RECORD_OTHER, "x:[9]:ANWEISUNG:  select 's3cr3t'", "x:[9]:ANWEISUNG:  <15 bytes>");
    expect(RECORD_OTHER,
           "x:[9]:3:42601:2026-11-22 14:00:00 UTC:3/7:0:00000:psqlERROR:  near \"s3cr3t\"",
           "x:[9]:3:42601:2026-11-22 14:00:00 UTC:3/7:0:00000:psqlERROR:  <13 bytes>");
    expect(RECORD_OTHER,
           "x:[9]:STATEMENT:  ALTER USER a PASSWORD 's3cr3t' -- AUDIT: a,b,c,d,e,f,g,",
           "x:[9]:STATEMENT:  <55 bytes>");
    expect(RECORD_OTHER, "x:[9]:LOG:  statement: SELECT crypt('s3cr3t',gen_salt('bf')),'x',1",
           "x:[9]:LOG:  <54 bytes>");
    expect(RECORD_OTHER, "x:[9]:LOG:  connection authorized: user=a database=b",
           "x:[9]:LOG:  connection authorized: user=a database=b");
    expect(RECORD_OTHER, "x:[9]:FATAL:  password authentication failed for user \"a\"",
           "x:[9]:FATAL:  password authentication failed for user \"a\"");
    expect(RECORD_OTHER, "AUDIT: SESSION,1", "AUDIT: SESSION,1<0 bytes>");
}

static void statements_of_sessions_first_seen_by_them(void **state)
{
    struct record record = { .kind = RECORD_CONNECTION, .time_form = RECORD_TIME_DATED };
    static const char text[] = "2026-11-22 14:12:02 UTC:203.0.113.4(1):a@p:[9]:LOG:  AUDIT: "
                               "SESSION,1,1,READ,SELECT,,,\"select 's3cr3t'\",<none>";
    char out[256];
    size_t len = redact_message((struct slice){ text, sizeof text - 1 }, &record, out, sizeof out);

    (void)state;
    assert_null(memmem(out, len, "s3cr3t", 6));
    assert_non_null(memmem(out, len, "203.0.113.4", 11));
}

static void the_rest_of_a_torn_statement(void **state)
{
    static const char row[] = HEAD "0,CONNECT,p,,0,'s3cr3t',0,,";
    static const char database[] = "p,,0,'s3cr3t',0,,";
    struct record record = { .kind = RECORD_CONNECTION, .torn = true };
    char out[256];
    size_t len = redact_message((struct slice){ row, sizeof row - 1 }, &record, out, sizeof out);

    (void)state;
    assert_true(redact_holds_sql((struct slice){ row, sizeof row - 1 }, &record));
    assert_null(memmem(out, len, "s3cr3t", 6));
    assert_int_equal(redact_name((struct slice){ database, sizeof database - 1 }).len, 6);
    /* A database called "'" holds none. */
    expect(RECORD_OTHER, HEAD "0,CONNECT,',0", HEAD "0,CONNECT,',0");
}

static void other_rows_stay(void **state)
{
    static const char connection[] =
        "20261122 14:08:14,srv,a,10.0.3.4,5,7,QUERY,p,',203.0.113.68,6,0,CONNECT,x,,0";

    (void)state;
    expect(RECORD_OTHER, HEAD "READ,prod,QUERY,", HEAD "READ,prod,QUERY,");
    expect(RECORD_OTHER, "", "");
    expect(RECORD_CONNECTION, connection, connection);
}

static void a_disguised_connection_is_still_a_statement(void **state)
{
    struct record record = { .kind = RECORD_CONNECTION, .disguised = true };
    static const char text[] = HEAD "QUERY,p,'secret',0";
    char out[256];
    size_t len = redact_message((struct slice){ text, sizeof text - 1 }, &record, out, sizeof out);

    (void)state;
    assert_null(memmem(out, len, "secret", 6));
}

static void a_torn_row_may_hold_a_statement(void **state)
{
    static const char row[] = HEAD "QUERY,p,'secret,203.0.113.5,7,0,CONNECT,";
    static const char user[] = "app,10.0.0.5,8,9,QUERY,p,'secret";
    struct record record = { .kind = RECORD_CONNECTION, .torn = true };
    struct slice line = { row, sizeof row - 1 };

    (void)state;
    assert_true(redact_holds_sql(line, &record));
    struct slice name = redact_name((struct slice){ user, sizeof user - 1 });
    assert_int_equal(name.len, strlen("app,10.0.0.5,8,9,QUERY,p,'"));
    record.torn = false;
    assert_false(redact_holds_sql(line, &record));
}

static void what_does_not_fit_is_said(void **state)
{
    struct record record = { .kind = RECORD_CONNECTION };
    char text[1000], out[200];

    (void)state;
    memset(text, 'x', sizeof text);
    size_t len = redact_message((struct slice){ text, sizeof text }, &record, out, sizeof out);
    assert_true(len <= sizeof out);
    assert_non_null(memmem(out, len, "... and 864 bytes more", 22));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_become_their_length),
        cmocka_unit_test(every_line_of_an_event),
        cmocka_unit_test(statements_in_postgresql_logs),
        cmocka_unit_test(statements_of_sessions_first_seen_by_them),
        cmocka_unit_test(the_rest_of_a_torn_statement),
        cmocka_unit_test(other_rows_stay),
        cmocka_unit_test(a_disguised_connection_is_still_a_statement),
        cmocka_unit_test(a_torn_row_may_hold_a_statement),
        cmocka_unit_test(what_does_not_fit_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
