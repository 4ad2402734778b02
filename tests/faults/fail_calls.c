/* SPDX-License-Identifier: Apache-2.0 */
/* A library to be preloaded (LD_PRELOAD) into the program under test: counts system calls by kind,
 * and makes one of them fail, or the process die in its place.  Only calls on files below one
 * folder count, and those on sockets, so that what the loader and libraries do for themselves is
 * left alone.
 *
 *   FAIL_CALLS_UNDER   the folder
 *   FAIL_CALLS_REPORT  a file: gets "hit KIND N WHERE" when a call is made to fail, and at the end
 * of the process a line "count KIND NUMBER" for each kind FAIL_CALLS         KIND:N:ERRNO     the
 * N-th call of this kind fails with this number KIND:N+:ERRNO    it and all that follow, until
 * FAIL_CALLS_UNTIL exists KIND:N:kill      the process is killed just before it FAIL_CALLS_UNTIL a
 * file
 *
 * The kind "any" counts all calls that change a file.
 *
 * Functions are defined under names of our own with the system's as their symbols: so the two names
 * that large-file support gives each of them can both be had, whatever a libc does with its macros.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS 4096

enum kind {
    OPEN,
    READ,
    WRITE,
    SYNC,
    TRUNCATE,
    MAP,
    LOCK,
    UNLOCK,
    UNLINK,
    RENAME,
    LINK,
    MKDIR,
    STAT,
    MODE,
    SOCKET,
    CONNECT,
    SEND,
    RECV,
    POLL,
    ANY,
    KINDS
};

static const struct {
    const char *name;
    bool changes; /* what lies in a file system */
} kinds[KINDS] = {
    [OPEN] = { "open", true },         [READ] = { "read", false },
    [WRITE] = { "write", true },       [SYNC] = { "sync", true },
    [TRUNCATE] = { "truncate", true }, [MAP] = { "map", false },
    [LOCK] = { "lock", false },        [UNLOCK] = { "unlock", false },
    [UNLINK] = { "unlink", true },     [RENAME] = { "rename", true },
    [LINK] = { "link", true },         [MKDIR] = { "mkdir", true },
    [STAT] = { "stat", false },        [MODE] = { "mode", false },
    [SOCKET] = { "socket", false },    [CONNECT] = { "connect", false },
    [SEND] = { "send", false },        [RECV] = { "recv", false },
    [POLL] = { "poll", false },        [ANY] = { "any", false },
};

enum descriptor { OTHER, A_FILE, A_SOCKET };

static _Atomic int counts[KINDS];
static _Atomic unsigned char descriptors[FDS];
static struct {
    bool ready;
    const char *under, *report, *until;
    enum kind kind;
    int number;
    bool onwards, kills;
    int error;
} plan;

static void report(const char *text)
{
    int fd = plan.report ? (int)syscall(SYS_openat, AT_FDCWD, plan.report,
                                        O_WRONLY | O_CREAT | O_APPEND, 0600)
                         : -1;

    if (fd >= 0) {
        (void)!syscall(SYS_write, fd, text, strlen(text));
        (void)syscall(SYS_close, fd);
    }
}

static void read_plan(const char *text)
{
    char kind[16], error[16];
    int end = 0;

    plan.kind = KINDS;
    if (!text || sscanf(text, "%15[^:]:%d%n", kind, &plan.number, &end) != 2) {
        return;
    }
    plan.onwards = text[end] == '+';
    if (sscanf(text + end + plan.onwards, ":%15s", error) != 1) {
        return;
    }
    plan.kills = strcmp(error, "kill") == 0;
    plan.error = (int)strtol(error, NULL, 10);
    for (int i = 0; i < KINDS; i++) {
        if (strcmp(kind, kinds[i].name) == 0) {
            plan.kind = (enum kind)i;
        }
    }
}

__attribute__((constructor)) static void begin(void)
{
    if (!plan.ready) {
        plan.under = getenv("FAIL_CALLS_UNDER");
        plan.report = getenv("FAIL_CALLS_REPORT");
        plan.until = getenv("FAIL_CALLS_UNTIL");
        read_plan(getenv("FAIL_CALLS"));
        plan.ready = true;
    }
}

__attribute__((destructor)) static void end(void)
{
    char line[64];

    for (int i = 0; i < KINDS; i++) {
        (void)snprintf(line, sizeof line, "count %s %d\n", kinds[i].name, counts[i]);
        report(line);
    }
}

static bool over(void)
{
    return plan.until && syscall(SYS_faccessat, AT_FDCWD, plan.until, F_OK) == 0;
}

/* Whether a call of this kind is the one. */
static bool is_the_one(enum kind kind)
{
    int number = ++counts[kind];

    return kind == plan.kind && (number == plan.number || (plan.onwards && number > plan.number)) &&
           !over();
}

/* Counts a call; true, with errno, when it is to fail. */
static bool fails(enum kind kind, const char *where)
{
    char line[PATH_MAX + 64];
    bool hit = is_the_one(kind);

    hit = (kinds[kind].changes && is_the_one(ANY)) || hit;
    if (!hit) {
        return false;
    }
    (void)snprintf(line, sizeof line, "hit %s %d %s\n", kinds[kind].name, counts[kind], where);
    report(line);
    if (plan.kills) {
        (void)raise(SIGKILL);
    }
    errno = plan.error;
    return true;
}

static bool is_under(const char *path)
{
    begin();
    return plan.under && path && strncmp(path, plan.under, strlen(plan.under)) == 0;
}

static enum descriptor descriptor(int fd)
{
    return fd >= 0 && fd < FDS ? (enum descriptor)descriptors[fd] : OTHER;
}

static int remember(int fd, enum descriptor what)
{
    if (fd >= 0 && fd < FDS) {
        descriptors[fd] = (unsigned char)what;
    }
    return fd;
}

static bool fd_fails(enum kind kind, int fd, enum descriptor what)
{
    char link[40], path[PATH_MAX] = "a socket";
    ssize_t len;

    if (descriptor(fd) != what) {
        return false;
    }
    if (what == A_FILE) {
        (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        len = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
        path[len > 0 ? len : 0] = '\0';
    }
    return fails(kind, path);
}

static bool path_fails(enum kind kind, const char *path)
{
    return is_under(path) && fails(kind, path);
}

/* The next definition of a symbol: the libc's own. */
#define NEXT(symbol, type, parameters)                                                             \
    static type(*next) parameters;                                                                 \
    if (!next) {                                                                                   \
        *(void **)&next = dlsym(RTLD_NEXT, symbol);                                                \
    }

#define HOOK(name) __asm__(name)

#define OPEN_HOOK(id, symbol)                                                                      \
    int hook_##id(const char *path, int flags, ...) HOOK(#symbol);                                 \
    int hook_##id(const char *path, int flags, ...)                                                \
    {                                                                                              \
        NEXT(#symbol, int, (const char *, int, ...))                                               \
        va_list args;                                                                              \
        unsigned mode = 0;                                                                         \
        if (flags & O_CREAT) {                                                                     \
            va_start(args, flags);                                                                 \
            mode = va_arg(args, unsigned);                                                         \
            va_end(args);                                                                          \
        }                                                                                          \
        if (path_fails(OPEN, path)) {                                                              \
            return -1;                                                                             \
        }                                                                                          \
        return remember(next(path, flags, mode), is_under(path) ? A_FILE : OTHER);                 \
    }
OPEN_HOOK(open, open)
OPEN_HOOK(open64, open64)

int hook_close(int fd) HOOK("close");
int hook_close(int fd)
{
    NEXT("close", int, (int))
    (void)remember(fd, OTHER);
    return next(fd);
}

#define AT_HOOK(id, symbol, bytes, kind)                                                           \
    ssize_t hook_##id(int fd, bytes data, size_t size, off_t at) HOOK(#symbol);                    \
    ssize_t hook_##id(int fd, bytes data, size_t size, off_t at)                                   \
    {                                                                                              \
        NEXT(#symbol, ssize_t, (int, bytes, size_t, off_t))                                        \
        return fd_fails(kind, fd, A_FILE) ? -1 : next(fd, data, size, at);                         \
    }
AT_HOOK(pread, pread, void *, READ)
AT_HOOK(pread64, pread64, void *, READ)
AT_HOOK(pwrite, pwrite, const void *, WRITE)
AT_HOOK(pwrite64, pwrite64, const void *, WRITE)

#define PLAIN_HOOK(id, symbol, bytes, kind)                                                        \
    ssize_t hook_##id(int fd, bytes data, size_t size) HOOK(#symbol);                              \
    ssize_t hook_##id(int fd, bytes data, size_t size)                                             \
    {                                                                                              \
        NEXT(#symbol, ssize_t, (int, bytes, size_t))                                               \
        return fd_fails(kind, fd, A_FILE) ? -1 : next(fd, data, size);                             \
    }
PLAIN_HOOK(read, read, void *, READ)
PLAIN_HOOK(write, write, const void *, WRITE)

#define SYNC_HOOK(symbol)                                                                          \
    int hook_##symbol(int fd) HOOK(#symbol);                                                       \
    int hook_##symbol(int fd)                                                                      \
    {                                                                                              \
        NEXT(#symbol, int, (int))                                                                  \
        return fd_fails(SYNC, fd, A_FILE) ? -1 : next(fd);                                         \
    }
SYNC_HOOK(fsync)
SYNC_HOOK(fdatasync)

#define TRUNCATE_HOOK(symbol)                                                                      \
    int hook_##symbol(int fd, off_t size) HOOK(#symbol);                                           \
    int hook_##symbol(int fd, off_t size)                                                          \
    {                                                                                              \
        NEXT(#symbol, int, (int, off_t))                                                           \
        return fd_fails(TRUNCATE, fd, A_FILE) ? -1 : next(fd, size);                               \
    }
TRUNCATE_HOOK(ftruncate)
TRUNCATE_HOOK(ftruncate64)

#define MAP_HOOK(symbol)                                                                           \
    void *hook_##symbol(void *at, size_t size, int how, int flags, int fd, off_t from)             \
        HOOK(#symbol);                                                                             \
    void *hook_##symbol(void *at, size_t size, int how, int flags, int fd, off_t from)             \
    {                                                                                              \
        NEXT(#symbol, void *, (void *, size_t, int, int, int, off_t))                              \
        return fd_fails(MAP, fd, A_FILE) ? (void *)-1 : next(at, size, how, flags, fd, from);      \
    }
MAP_HOOK(mmap)
MAP_HOOK(mmap64)

static bool lock_fails(int fd, int command, const struct flock *lock)
{
    switch (command) {
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        return fd_fails(lock->l_type == F_UNLCK ? UNLOCK : LOCK, fd, A_FILE);
    case F_GETLK:
    case F_OFD_GETLK:
        return fd_fails(LOCK, fd, A_FILE);
    default:
        return false;
    }
}

/* Whatever the third argument is, it fits into a pointer. */
#define FCNTL_HOOK(symbol)                                                                         \
    int hook_##symbol(int fd, int command, ...) HOOK(#symbol);                                     \
    int hook_##symbol(int fd, int command, ...)                                                    \
    {                                                                                              \
        NEXT(#symbol, int, (int, int, ...))                                                        \
        va_list args;                                                                              \
        void *argument;                                                                            \
        va_start(args, command);                                                                   \
        argument = va_arg(args, void *);                                                           \
        va_end(args);                                                                              \
        return lock_fails(fd, command, argument) ? -1 : next(fd, command, argument);               \
    }
FCNTL_HOOK(fcntl)
FCNTL_HOOK(fcntl64)

#define PATH_HOOK(symbol, kind, parameters, arguments)                                             \
    int hook_##symbol parameters HOOK(#symbol);                                                    \
    int hook_##symbol parameters                                                                   \
    {                                                                                              \
        NEXT(#symbol, int, parameters)                                                             \
        return path_fails(kind, path) ? -1 : next arguments;                                       \
    }
PATH_HOOK(unlink, UNLINK, (const char *path), (path))
PATH_HOOK(rename, RENAME, (const char *path, const char *to), (path, to))
PATH_HOOK(link, LINK, (const char *path, const char *to), (path, to))
PATH_HOOK(mkdir, MKDIR, (const char *path, mode_t mode), (path, mode))
PATH_HOOK(stat, STAT, (const char *path, void *out), (path, out))
PATH_HOOK(stat64, STAT, (const char *path, void *out), (path, out))
PATH_HOOK(lstat, STAT, (const char *path, void *out), (path, out))
PATH_HOOK(lstat64, STAT, (const char *path, void *out), (path, out))
PATH_HOOK(statfs, STAT, (const char *path, void *out), (path, out))
PATH_HOOK(access, STAT, (const char *path, int how), (path, how))

#define FD_HOOK(symbol, kind, parameters, arguments)                                               \
    int hook_##symbol parameters HOOK(#symbol);                                                    \
    int hook_##symbol parameters                                                                   \
    {                                                                                              \
        NEXT(#symbol, int, parameters)                                                             \
        return fd_fails(kind, fd, A_FILE) ? -1 : next arguments;                                   \
    }
FD_HOOK(fstat, STAT, (int fd, void *out), (fd, out))
FD_HOOK(fstat64, STAT, (int fd, void *out), (fd, out))
FD_HOOK(fchmod, MODE, (int fd, mode_t mode), (fd, mode))
FD_HOOK(fchown, MODE, (int fd, uid_t owner, gid_t group), (fd, owner, group))

int hook_socket(int domain, int type, int protocol) HOOK("socket");
int hook_socket(int domain, int type, int protocol)
{
    NEXT("socket", int, (int, int, int))
    if (domain != AF_INET && domain != AF_INET6) {
        return next(domain, type, protocol);
    }
    return fails(SOCKET, "a socket") ? -1 : remember(next(domain, type, protocol), A_SOCKET);
}

int hook_connect(int fd, const struct sockaddr *to, socklen_t size) HOOK("connect");
int hook_connect(int fd, const struct sockaddr *to, socklen_t size)
{
    NEXT("connect", int, (int, const struct sockaddr *, socklen_t))
    return fd_fails(CONNECT, fd, A_SOCKET) ? -1 : next(fd, to, size);
}

#define SOCKET_HOOK(symbol, bytes, kind)                                                           \
    ssize_t hook_##symbol(int fd, bytes data, size_t size, int flags) HOOK(#symbol);               \
    ssize_t hook_##symbol(int fd, bytes data, size_t size, int flags)                              \
    {                                                                                              \
        NEXT(#symbol, ssize_t, (int, bytes, size_t, int))                                          \
        return fd_fails(kind, fd, A_SOCKET) ? -1 : next(fd, data, size, flags);                    \
    }
SOCKET_HOOK(send, const void *, SEND)
SOCKET_HOOK(recv, void *, RECV)

int hook_poll(struct pollfd *fds, nfds_t count, int timeout) HOOK("poll");
int hook_poll(struct pollfd *fds, nfds_t count, int timeout)
{
    NEXT("poll", int, (struct pollfd *, nfds_t, int))
    for (nfds_t i = 0; i < count; i++) {
        if (descriptor(fds[i].fd) == A_SOCKET) {
            return fails(POLL, "a socket") ? -1 : next(fds, count, timeout);
        }
    }
    return next(fds, count, timeout);
}
