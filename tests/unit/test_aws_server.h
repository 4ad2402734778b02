/* SPDX-License-Identifier: Apache-2.0 */
/* A server on a loopback port of the system's choice, in a process of its own, that gives prepared
 * answers one after the other and tells what it was asked. */
#ifndef TAILGATE_TESTS_AWS_SERVER_H
#define TAILGATE_TESTS_AWS_SERVER_H

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVER_CONNECTIONS_MAX 8
#define SERVER_REQUEST_MAX     2097152 /* bytes */
#define SERVER_PATIENCE_S      60 /* then the test is killed: something that should come does not */

/* An answer, byte by byte.  NULL: none, and the connection is closed.  Each is given once, in the
 * order in which they stand, to the first request that holds the text it is for. */
struct canned {
    const char *bytes;
    size_t len;     /* 0: up to the first NUL */
    bool closes;    /* the connection, after the answer */
    bool stalls;    /* the connection stays open with nothing more on it */
    bool again;     /* it is given as often as it is asked for */
    const char *to; /* NULL: any request */
    size_t filler;  /* so many further bytes 'x' after it */
};

struct server {
    pid_t child;
    int told; /* from here the requests are read */
    char url[64];
};

struct server_request {
    unsigned connection; /* counted from 1 */
    char *text;          /* as it came, with a NUL behind it; to be freed */
};

/* ---- in the child ---- */

static inline void server_write(int to, const void *bytes, size_t len)
{
    const char *rest = bytes;

    while (len > 0) {
        ssize_t sent = write(to, rest, len);
        if (sent <= 0) {
            return; /* the client has gone: it may not want all of it */
        }
        rest += sent;
        len -= (size_t)sent;
    }
}

/* Reads a request whole; its length, or 0 when the client has closed the connection. */
static inline uint32_t server_take(int from, char *text)
{
    uint32_t len = 0;

    for (;;) {
        ssize_t got = read(from, text + len, SERVER_REQUEST_MAX - len - 1);
        char *end, *length;
        if (got <= 0) {
            return 0;
        }
        len += (uint32_t)got;
        text[len] = '\0';
        end = strstr(text, "\r\n\r\n");
        length = strcasestr(text, "Content-Length:");
        if (end &&
            (size_t)(end + 4 - text) + (length ? strtoul(length + 15, NULL, 10) : 0) <= len) {
            return len;
        }
    }
}

/* Hands a request on to the test.  After its answer: a request larger than a pipe holds waits here
 * until the test reads it, which it does only when it has the answer. */
static inline void server_tell(int tell, unsigned connection, const char *text, uint32_t len)
{
    server_write(tell, &connection, sizeof connection);
    server_write(tell, &len, sizeof len);
    server_write(tell, text, len);
}

/* The answer for a request, or NULL when there is none left. */
static inline const struct canned *server_choose(const struct canned *answers, size_t count,
                                                 bool *used, const char *text)
{
    for (size_t i = 0; i < count; i++) {
        if (!used[i] && (!answers[i].to || strstr(text, answers[i].to))) {
            used[i] = !answers[i].again;
            return &answers[i];
        }
    }
    return NULL;
}

/* Gives an answer; returns whether the connection stays open. */
static inline bool server_answer(int to, const struct canned *answer)
{
    char block[4096];

    if (!answer || (!answer->bytes && !answer->stalls)) {
        return false;
    }
    if (answer->bytes) {
        server_write(to, answer->bytes, answer->len ? answer->len : strlen(answer->bytes));
    }
    memset(block, 'x', sizeof block);
    for (size_t sent = 0; sent < answer->filler; sent += sizeof block) {
        server_write(to, block, sizeof block);
    }
    return !answer->closes;
}

static inline void server_play(int listener, const struct canned *answers, size_t count, int tell)
{
    struct pollfd polled[SERVER_CONNECTIONS_MAX + 1] = { { .fd = listener, .events = POLLIN } };
    unsigned numbers[SERVER_CONNECTIONS_MAX + 1] = { 0 };
    nfds_t used = 1;
    unsigned opened = 0;
    bool *given = calloc(count, sizeof *given);
    char *text = malloc(SERVER_REQUEST_MAX);

    while (given && text && poll(polled, used, -1) > 0) {
        for (nfds_t i = used; i > 1; i--) {
            struct pollfd *connection = &polled[i - 1];
            if (connection->revents == 0) {
                continue;
            }
            uint32_t len = server_take(connection->fd, text);
            bool stays = len > 0 &&
                         server_answer(connection->fd, server_choose(answers, count, given, text));
            if (len > 0) {
                server_tell(tell, numbers[i - 1], text, len);
            }
            if (!stays) {
                (void)close(connection->fd);
                used--;
                *connection = polled[used];
                numbers[i - 1] = numbers[used];
            }
        }
        if (polled[0].revents && used <= SERVER_CONNECTIONS_MAX) {
            numbers[used] = ++opened;
            polled[used++] =
                (struct pollfd){ .fd = accept(listener, NULL, NULL), .events = POLLIN };
        }
    }
    _exit(0);
}

/* ---- in the test ---- */

static inline void server_start(struct server *server, const struct canned *answers, size_t count)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int pipes[2];

    (void)alarm(SERVER_PATIENCE_S);
    assert_true(listener >= 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, SERVER_CONNECTIONS_MAX), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(pipe(pipes), 0);
    (void)snprintf(server->url, sizeof server->url, "http://127.0.0.1:%u",
                   (unsigned)ntohs(address.sin_port));
    server->told = pipes[0];
    server->child = fork();
    assert_true(server->child >= 0);
    if (server->child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not stop it */
        (void)close(pipes[0]);
        (void)signal(SIGPIPE, SIG_IGN);
        server_play(listener, answers, count, pipes[1]);
    }
    (void)close(pipes[1]);
    (void)close(listener);
}

static inline void server_stop(struct server *server)
{
    (void)kill(server->child, SIGKILL);
    (void)waitpid(server->child, NULL, 0);
    (void)close(server->told);
}

static inline void server_read(int from, void *out, size_t len)
{
    char *place = out;

    while (len > 0) {
        ssize_t got = read(from, place, len);
        assert_true(got > 0);
        place += got;
        len -= (size_t)got;
    }
}

/* The next request that the server got; waits for it. */
static inline struct server_request server_request(struct server *server)
{
    struct server_request request;
    uint32_t len;

    server_read(server->told, &request.connection, sizeof request.connection);
    server_read(server->told, &len, sizeof len);
    request.text = malloc((size_t)len + 1);
    assert_non_null(request.text);
    server_read(server->told, request.text, len);
    request.text[len] = '\0';
    return request;
}

#endif
