/* SPDX-License-Identifier: Apache-2.0 */
/* Where a state file lies, asked of the file system before SQLite touches anything. */
#include "storage/place.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "storage/sql.h"

/* File systems whose files other machines may have open: SQLite's WAL needs memory shared by all
 * who use the file (sqlite.org/wal.html).  Numbers: statfs(2), linux/magic.h, and the sources of
 * Lustre, Spectrum Scale and BeeGFS. */
static const struct network {
    uint32_t type;
    const char *name;
} networks[] = {
    { 0x6969, "NFS" },        { 0x517b, "SMB" },        { 0xff534d42, "CIFS" },
    { 0xfe534d42, "SMB 2" },  { 0x5346414f, "AFS" },    { 0x6b414653, "AFS" },
    { 0x73757245, "Coda" },   { 0x564c, "NCP" },        { 0x00c36400, "Ceph" },
    { 0x01021997, "9P" },     { 0x0bd00bd0, "Lustre" }, { 0x47504653, "Spectrum Scale" },
    { 0x19830326, "BeeGFS" },
};

const char *place_network(uint32_t type)
{
    for (size_t i = 0; i < sizeof networks / sizeof networks[0]; i++) {
        if (networks[i].type == type) {
            return networks[i].name;
        }
    }
    return NULL;
}

enum store_status place_status(int system_error)
{
    switch (system_error) {
    case EACCES:
    case EPERM:
    case EROFS:
        return STORE_DENIED;
    case ENOSPC:
    case EDQUOT:
        return STORE_FULL;
    default:
        return STORE_FAILED;
    }
}

bool place_writable(const char *real)
{
    const char *slash = strrchr(real, '/');
    char *directory = strndup(real, slash ? (size_t)(slash - real) + 1 : 0);
    bool writable = directory && access(directory, W_OK) == 0;

    free(directory);
    return writable;
}

/* The directory a path lies in. */
static char *directory_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    if (!slash) {
        return strdup(".");
    }
    while (slash > path && slash[-1] == '/') {
        slash--;
    }
    return strndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static bool find_directory(const char *path, const char *directory, struct store_error *error)
{
    struct stat st;

    if (stat(directory, &st) == 0) {
        if (S_ISDIR(st.st_mode)) {
            return true;
        }
        return store_fail(error, STORE_FAILED,
                          "cannot keep state in %s: %s is not a directory; give another path", path,
                          directory);
    }
    if (errno != ENOENT) {
        return store_fail(error, place_status(errno), "cannot keep state in %s: %s: %s", path,
                          directory, strerror(errno));
    }
    if (mkdir(directory, 0700) == 0 || errno == EEXIST) {
        return true;
    }
    return store_fail(
        error, place_status(errno),
        "cannot keep state in %s: cannot make the directory %s: %s; make it, owned by "
        "the user tailgate runs as",
        path, directory, strerror(errno));
}

static bool refuse_network(const char *path, const char *where, struct store_error *error)
{
    struct statfs fs;
    const char *name;

    if (statfs(where, &fs) != 0) {
        return store_fail(error, place_status(errno), "cannot keep state in %s: %s: %s", path,
                          where, strerror(errno));
    }
    name = place_network((uint32_t)fs.f_type);
    if (!name) {
        return true;
    }
    return store_fail(error, STORE_NETWORK_FS,
                      "cannot keep state in %s: it lies on a network file system (%s), where "
                      "SQLite's write-ahead log does not work; put it on a local disk or volume",
                      path, name);
}

/* Makes the file, readable by its owner alone from its first moment, whatever the umask. */
static bool create(const char *path, bool *created, struct store_error *error)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool ok;

    *created = fd >= 0;
    if (fd < 0 && errno == EEXIST) {
        return true;
    }
    if (fd < 0) {
        return store_fail(error, place_status(errno),
                          "cannot create the state file %s: %s; this user must be able to write "
                          "its directory",
                          path, strerror(errno));
    }
    ok = fchmod(fd, 0600) == 0;
    if (!ok) {
        (void)store_fail(error, place_status(errno), "cannot set the mode of the state file %s: %s",
                         path, strerror(errno));
    }
    (void)close(fd);
    return ok;
}

static bool examine(const char *path, struct place *place, struct store_error *error)
{
    struct stat st;

    if (stat(path, &st) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) {
            return store_fail(error, STORE_ABSENT, "there is no state file %s", path);
        }
        return store_fail(error, place_status(errno), "cannot look at the state file %s: %s", path,
                          strerror(errno));
    }
    if (!S_ISREG(st.st_mode)) {
        return store_fail(error, STORE_NOT_OURS,
                          "%s is not a regular file and cannot hold state; give another path",
                          path);
    }
    place->empty = st.st_size == 0;
    place->real = realpath(path, NULL);
    if (!place->real) {
        return store_fail(error, place_status(errno), "cannot find the state file %s: %s", path,
                          strerror(errno));
    }
    if (strlen(place->real) <= STORE_PATH_MAX) {
        return true;
    }
    free(place->real);
    place->real = NULL;
    return store_fail(error, STORE_FAILED,
                      "the path of the state file is too long: at most %d bytes, links resolved",
                      STORE_PATH_MAX);
}

static bool make(const char *path, struct store_error *error)
{
    char *directory = directory_of(path);
    bool created = false, ok;

    if (!directory) {
        return store_fail(error, STORE_FAILED, "cannot open the state file: out of memory");
    }
    ok = find_directory(path, directory, error) && refuse_network(path, directory, error) &&
         create(path, &created, error) && (created || refuse_network(path, path, error));
    free(directory);
    return ok;
}

bool place_find(const char *path, bool write, struct place *place, struct store_error *error)
{
    *place = (struct place){ NULL, false };
    if (!path || !*path) {
        return store_fail(error, STORE_FAILED, "the path of the state file is empty");
    }
    if (strlen(path) > STORE_PATH_MAX) {
        return store_fail(error, STORE_FAILED,
                          "the path of the state file is too long: at most %d bytes",
                          STORE_PATH_MAX);
    }
    return (!write || make(path, error)) && examine(path, place, error);
}
