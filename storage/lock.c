/* SPDX-License-Identifier: Apache-2.0 */
/* Who does what on a state file: locks on bytes of the file beside it. */
#include "storage/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "storage/place.h"
#include "storage/sql.h"

static const char suffix[] = ".lock";

struct lock_file {
    int fd;
    char *path;
    char *state_path; /* as given, for messages */
};

static char *path_beside(const char *state_path)
{
    char *real = realpath(state_path, NULL);
    const char *base = real ? real : state_path;
    size_t size = strlen(base) + sizeof suffix;
    char *path = malloc(size);

    if (path) {
        (void)snprintf(path, size, "%s%s", base, suffix);
    }
    free(real);
    return path;
}

/* What root makes must not be in the way of the service's user. */
static void give_to_owner(int fd, const char *state_path)
{
    struct stat st;

    /* If it does not work, whoever is refused later is told so. */
    if (geteuid() == 0 && stat(state_path, &st) == 0 && fchown(fd, st.st_uid, st.st_gid) != 0) {
        return;
    }
    (void)fchmod(fd, 0600);
}

static int open_file(const char *path, const char *state_path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int why;

    if (fd >= 0) {
        give_to_owner(fd, state_path);
        return fd;
    }
    if (errno == EEXIST) {
        fd = open(path, O_RDWR | O_CLOEXEC);
    }
    if (fd < 0 && (errno == EACCES || errno == EROFS)) {
        why = errno;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        errno = why;
    }
    return fd;
}

struct lock_file *lock_open(const char *state_path, struct store_error *error)
{
    struct lock_file *file = calloc(1, sizeof *file);

    if (file) {
        file->fd = -1;
        file->path = path_beside(state_path);
        file->state_path = strdup(state_path);
    }
    if (!file || !file->path || !file->state_path) {
        (void)store_fail(error, STORE_FAILED, "cannot open the lock file: out of memory");
        goto fail;
    }
    file->fd = open_file(file->path, state_path);
    if (file->fd >= 0) {
        return file;
    }
    (void)store_fail(error, place_status(errno),
                     "cannot open the lock file %s: %s; this user must be able to write it and its "
                     "directory",
                     file->path, strerror(errno));
fail:
    lock_close(file);
    return NULL;
}

void lock_close(struct lock_file *file)
{
    if (!file) {
        return;
    }
    if (file->fd >= 0) {
        (void)close(file->fd);
    }
    free(file->path);
    free(file->state_path);
    free(file);
}

static int control(const struct lock_file *file, int command, short type, int64_t place,
                   struct flock *lock)
{
    *lock = (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = (off_t)place };
    lock->l_len = 1;
    return fcntl(file->fd, command, lock);
}

bool lock_take(struct lock_file *file, int64_t place, struct store_error *error)
{
    struct flock lock;

    if (control(file, F_OFD_SETLK, F_WRLCK, place, &lock) == 0) {
        return true;
    }
    if (errno != EAGAIN && errno != EACCES) {
        return store_fail(error, errno == EBADF ? STORE_DENIED : place_status(errno),
                          "cannot lock %s: %s", file->path,
                          errno == EBADF ? "this user may only read it" : strerror(errno));
    }
    if (place == LOCK_RUN) {
        return store_fail(error, STORE_LOCKED,
                          "another `tailgate run` uses the state file %s; stop it first, or give "
                          "this one a state file of its own (--state)",
                          file->state_path);
    }
    if (place == LOCK_PUBLISH) {
        return store_fail(error, STORE_LOCKED,
                          "another tailgate publishes the alerts of the state file %s",
                          file->state_path);
    }
    return store_fail(error, STORE_LOCKED,
                      "another tailgate backfills the same window on the state file %s; wait for "
                      "it to end",
                      file->state_path);
}

void lock_drop(struct lock_file *file, int64_t place)
{
    struct flock lock;

    /* Fails only for a descriptor that is not open. */
    (void)control(file, F_OFD_SETLK, F_UNLCK, place, &lock);
}

bool lock_held_elsewhere(struct lock_file *file, int64_t place)
{
    struct flock lock;

    return control(file, F_OFD_GETLK, F_WRLCK, place, &lock) == 0 && lock.l_type != F_UNLCK;
}
