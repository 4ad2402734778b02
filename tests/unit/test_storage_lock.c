/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the locks beside a state file, against other processes. */
#include "test_storage_fixture.h"

#include <signal.h>
#include <sys/stat.h>

#include "storage/lock.h"

/* A child that holds a byte until it is killed.  Returns when it has it. */
static pid_t holder(struct scratch *s, int64_t place)
{
    int ready[2];
    char byte = 0;
    pid_t pid;

    assert_int_equal(pipe(ready), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct lock_file *file = lock_open(s->path, &s->error);

        (void)close(ready[0]);
        if (!file || !lock_take(file, place, &s->error)) {
            _exit(1);
        }
        (void)!write(ready[1], "x", 1);
        for (;;) {
            (void)pause();
        }
    }
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    return pid;
}

static void end(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(child_end(pid), 256 + SIGKILL);
}

static void file_is_private(void **state)
{
    struct scratch *s = *state;
    struct lock_file *file;
    struct stat st;
    char path[300];
    mode_t old = umask(0);

    file = lock_open(s->path, &s->error);
    (void)umask(old);
    ok(s, file != NULL);
    (void)snprintf(path, sizeof path, "%s.lock", s->path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, 0);
    lock_close(file);
    lock_close(NULL);
}

static void refused_while_another_holds_it(void **state)
{
    static const struct {
        int64_t place;
        const char *word;
    } cases[] = {
        { LOCK_RUN, "run" },
        { LOCK_PUBLISH, "publishes" },
        { LOCK_WINDOW + INT64_C(0x7fffffff), "backfill" },
    };
    struct scratch *s = *state;
    struct lock_file *file = lock_open(s->path, &s->error);

    ok(s, file != NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t place = cases[i].place;
        pid_t pid = holder(s, place);

        assert_true(lock_held_elsewhere(file, place));
        refused(s, lock_take(file, place, &s->error), STORE_LOCKED);
        assert_non_null(strstr(s->error.text, cases[i].word));
        assert_non_null(strstr(s->error.text, s->path));
        /* Its neighbours are free. */
        assert_false(lock_held_elsewhere(file, place + 1));
        ok(s, lock_take(file, place + 1, &s->error));
        lock_drop(file, place + 1);
        /* However the holder ends, the byte is free. */
        end(pid);
        assert_false(lock_held_elsewhere(file, place));
        ok(s, lock_take(file, place, &s->error));
        lock_drop(file, place);
    }
    lock_close(file);
}

static void own_locks(void **state)
{
    struct scratch *s = *state;
    struct lock_file *file = lock_open(s->path, &s->error);
    struct lock_file *other = lock_open(s->path, &s->error);

    ok(s, file && other);
    ok(s, lock_take(file, LOCK_RUN, &s->error));
    ok(s, lock_take(file, LOCK_RUN, &s->error));
    assert_false(lock_held_elsewhere(file, LOCK_RUN));
    assert_true(lock_held_elsewhere(other, LOCK_RUN));
    refused(s, lock_take(other, LOCK_RUN, &s->error), STORE_LOCKED);
    lock_drop(file, LOCK_RUN);
    ok(s, lock_take(other, LOCK_RUN, &s->error));
    assert_true(lock_held_elsewhere(file, LOCK_RUN));
    lock_close(other);
    assert_false(lock_held_elsewhere(file, LOCK_RUN));
    lock_close(file);
}

/* Opening and closing the store, or asking about locks, must not drop anything. */
static void store_and_locks_do_not_meet(void **state)
{
    struct scratch *s = *state;
    struct lock_file *file = lock_open(s->path, &s->error);
    struct lock_file *other = lock_open(s->path, &s->error);

    ok(s, file && other);
    ok(s, lock_take(file, LOCK_RUN, &s->error));
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    store_close(s->store);
    s->store = NULL;
    lock_close(lock_open(s->path, &s->error));
    assert_true(lock_held_elsewhere(other, LOCK_RUN));
    lock_close(file);
    lock_close(other);
}

static void links_lead_to_one_file(void **state)
{
    struct scratch *s = *state;
    struct lock_file *file, *other;
    char link[300];

    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    (void)snprintf(link, sizeof link, "%s/link.db", s->dir);
    assert_int_equal(symlink("state.db", link), 0);
    file = lock_open(s->path, &s->error);
    other = lock_open(link, &s->error);
    ok(s, file && other);
    ok(s, lock_take(file, LOCK_RUN, &s->error));
    refused(s, lock_take(other, LOCK_RUN, &s->error), STORE_LOCKED);
    lock_close(file);
    lock_close(other);
}

static int unprivileged_child(struct scratch *s)
{
    struct lock_file *file;
    int result = 0;

    if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0)) {
        return 99;
    }
    file = lock_open(s->path, &s->error);
    if (!file) {
        return s->error.status == STORE_DENIED ? 1 : 98;
    }
    if (!lock_held_elsewhere(file, LOCK_RUN) || lock_held_elsewhere(file, LOCK_PUBLISH)) {
        result = 97;
    } else if (lock_take(file, LOCK_PUBLISH, &s->error) || s->error.status != STORE_DENIED) {
        result = 96;
    }
    lock_close(file);
    return result;
}

/* Whoever may only read the lock file can still ask; where there is none, it cannot be made. */
static void permissions(void **state)
{
    struct scratch *s = *state;
    struct lock_file *file;
    char path[300];
    pid_t pid;

    assert_int_equal(chmod(s->dir, 0555), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(unprivileged_child(s));
    }
    assert_int_equal(child_end(pid), 1);

    assert_int_equal(chmod(s->dir, 0755), 0);
    file = lock_open(s->path, &s->error);
    ok(s, file != NULL);
    ok(s, lock_take(file, LOCK_RUN, &s->error));
    (void)snprintf(path, sizeof path, "%s.lock", s->path);
    assert_int_equal(chmod(path, 0444), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        _exit(unprivileged_child(s));
    }
    assert_int_equal(child_end(pid), 0);
    lock_close(file);
}

static void owner_follows_the_state_file(void **state)
{
    struct scratch *s = *state;
    struct stat st;
    char path[300];

    if (geteuid() != 0) {
        skip();
    }
    s->store = store_open(s->path, STORE_WRITE, &s->error);
    ok(s, s->store != NULL);
    assert_int_equal(chown(s->path, 65534, 65534), 0);
    lock_close(lock_open(s->path, &s->error));
    (void)snprintf(path, sizeof path, "%s.lock", s->path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 65534);
    assert_int_equal(st.st_mode & 07777, 0600);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(file_is_private, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(refused_while_another_holds_it, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(own_locks, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(store_and_locks_do_not_meet, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(links_lead_to_one_file, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(permissions, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(owner_follows_the_state_file, scratch_setup,
                                        scratch_teardown),
    };

    return cmocka_run_group_tests_name("lock", tests, NULL, NULL);
}
