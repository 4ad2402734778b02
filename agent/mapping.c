/* SPDX-License-Identifier: Apache-2.0 */
/* A window of a file.  Who reads a page that is no longer in the file gets SIGBUS, whose handler
 * finds the window here. */
#include "agent/mapping.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

static struct {
    char *begin;
    size_t len;
    volatile sig_atomic_t broken;
} window;

/* Puts pages of zeros where the file has none, and goes on.  A SIGBUS that is none of ours ends the
 * program when the instruction is tried again. */
static void on_bus(int number, siginfo_t *info, void *context)
{
    size_t grain = mapping_grain();
    uintptr_t begin = (uintptr_t)window.begin, at = (uintptr_t)info->si_addr;

    (void)context;
    if (window.broken || at < begin || at - begin >= window.len) {
        (void)signal(number, SIG_DFL);
        return;
    }
    window.broken = 1;
    size_t skip = (at - begin) / grain * grain;
    void *zeros = mmap(window.begin + skip, window.len - skip, PROT_READ,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (zeros == MAP_FAILED) {
        (void)signal(number, SIG_DFL);
    }
}

static void hide(void)
{
    if (window.begin) {
        (void)munmap(window.begin, window.len);
        window.begin = NULL;
        window.len = 0;
    }
}

char *mapping_show(int file, uint64_t offset, size_t len)
{
    struct sigaction action = { .sa_sigaction = on_bus, .sa_flags = SA_SIGINFO };

    hide();
    if (sigaction(SIGBUS, &action, NULL) != 0) {
        return NULL;
    }
    void *begin = mmap(NULL, len, PROT_READ, MAP_PRIVATE, file, (off_t)offset);
    if (begin == MAP_FAILED) {
        return NULL;
    }
    window.begin = begin;
    window.len = len;
    return begin;
}

void mapping_end(void)
{
    hide();
    window.broken = 0;
}

bool mapping_broken(void)
{
    return window.broken;
}

size_t mapping_grain(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}
