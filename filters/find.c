/* SPDX-License-Identifier: Apache-2.0 */
/* Two bytes of the run are compared with 32 places at once; only where both are is the rest. */
#include "filters/find.h"

#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define AVX2   __attribute__((target("avx2")))
#define WIDTH  32
#define STRIDE 128  /* two lines of the cache */
#define AHEAD  4096 /* far enough for memory to answer */

/* How often a byte stands in logs: what is listed first does most; what is not listed, seldom. */
static size_t rareness(char c)
{
    static const char common[] = " ,0123456789etaoinsrlhducmpfgw-_.\"=/:";
    const char *found = c != '\0' ? strchr(common, c) : NULL;

    return found ? (size_t)(found - common) : sizeof common;
}

bool find_prepare(struct find *find, struct slice run)
{
    size_t best = 0, second = 0;

    if (!__builtin_cpu_supports("avx2") || run.len == 0) {
        return false;
    }
    *find = (struct find){ .run = run };
    for (size_t i = 0; i < run.len; i++) {
        size_t rare = rareness(run.data[i]) + 1;

        if (rare > best) {
            second = best;
            find->other = find->rare;
            best = rare;
            find->rare = i;
        } else if (rare > second) {
            second = rare;
            find->other = i;
        }
    }
    return true;
}

/* As memcmp does, but in place: calls would cost more than all else here. */
static inline bool is_same(const char *a, const char *b, size_t len)
{
    uint64_t left, right;

    for (; len >= sizeof left; a += sizeof left, b += sizeof left, len -= sizeof left) {
        memcpy(&left, a, sizeof left);
        memcpy(&right, b, sizeof right);
        if (left != right) {
            return false;
        }
    }
    for (; len > 0; a++, b++, len--) {
        if (*a != *b) {
            return false;
        }
    }
    return true;
}

/* What is looked for, ready for comparing. */
struct probe {
    const char *run;
    size_t len, x, y;
    __m256i rare, other;
};

AVX2 static inline __m256i both_at(const struct probe *probe, const char *p)
{
    __m256i at_rare = _mm256_loadu_si256((const void *)(p + probe->x));
    __m256i at_other = _mm256_loadu_si256((const void *)(p + probe->y));

    return _mm256_and_si256(_mm256_cmpeq_epi8(at_rare, probe->rare),
                            _mm256_cmpeq_epi8(at_other, probe->other));
}

/* Whether any of STRIDE places may be one. */
AVX2 static inline bool is_near(const struct probe *probe, const char *p)
{
    __m256i any = both_at(probe, p);

    for (size_t i = WIDTH; i < STRIDE; i += WIDTH) {
        any = _mm256_or_si256(any, both_at(probe, p + i));
    }
    return !_mm256_testz_si256(any, any);
}

/* The first of WIDTH places where the run is; NULL: none. */
AVX2 static inline const char *look(const struct probe *probe, const char *p)
{
    uint32_t places = (uint32_t)_mm256_movemask_epi8(both_at(probe, p));

    for (; places; places &= places - 1) {
        const char *place = p + __builtin_ctz(places);

        if (is_same(place, probe->run, probe->len)) {
            return place;
        }
    }
    return NULL;
}

AVX2 size_t find_next(const struct find *find, struct slice text, size_t from)
{
    const char *run = find->run.data, *p = text.data + from, *place;
    size_t len = find->run.len, x = find->rare;

    if (text.len - from < len) {
        return text.len;
    }
    const char *last = text.data + (text.len - len);
    const struct probe probe = {
        run, len, x, find->other, _mm256_set1_epi8(run[x]), _mm256_set1_epi8(run[find->other])
    };

    while (last - p >= WIDTH - 1) {
        /* Where there is nothing for long, as fast as memory comes. */
        while (last - p >= STRIDE - 1 && !is_near(&probe, p)) {
            p += STRIDE;
            _mm_prefetch(p + AHEAD, _MM_HINT_T0);
            _mm_prefetch(p + AHEAD + STRIDE / 2, _MM_HINT_T0);
        }
        for (size_t i = 0; i < STRIDE && last - p >= WIDTH - 1; i += WIDTH, p += WIDTH) {
            place = look(&probe, p);
            if (place) {
                return (size_t)(place - text.data);
            }
        }
    }
    for (; p <= last; p++) {
        if (p[x] == run[x] && is_same(p, run, len)) {
            return (size_t)(p - text.data);
        }
    }
    return text.len;
}

#else

bool find_prepare(struct find *find, struct slice run)
{
    (void)find;
    (void)run;
    return false;
}

size_t find_next(const struct find *find, struct slice text, size_t from)
{
    (void)find;
    (void)from;
    return text.len;
}

#endif
