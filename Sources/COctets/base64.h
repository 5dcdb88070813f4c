// Base64 for URLs (RFC 4648 section 5), thirty-two characters at a time where the machine can.
//
// Every request with a session has two or three kilobytes of it. Only whole blocks of nothing but
// digits are read here; what remains, and whatever is wrong, is for Sources/Values/Base64URL.swift,
// which reads the same text without any of this.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#include <immintrin.h>

/// How many characters from the front were decoded into `room`, a multiple of 32 and at most `count`:
/// three octets for each four. It stops before the first block with anything but a digit. `room` is
/// for `count / 4 * 3` octets or more.
///
/// The digits are told apart by their upper four bits, which say what to add to each; two look-ups, by
/// the upper and the lower bits, have a bit in common for what is no digit (W. Mula and D. Lemire,
/// "Faster Base64 Encoding and Decoding using AVX2 Instructions", 2018).
__attribute__((target("avx2"))) static inline size_t octets_base64url_avx2(
    const uint8_t *_Nonnull text, size_t count, uint8_t *_Nonnull room) {
    const __m256i low_bits = _mm256_set1_epi8(0x0f), underscore = _mm256_set1_epi8('_');
    // One bit for each kind of upper bits: 1 for 2x, 2 for 3x, 4 for 4x and 6x, 8 for 5x, 16 for 7x;
    // 32 for those that no digit has. The lower bits have it where the character is no digit.
    const __m256i refused_by_low = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0x25, 0x21, 0x21, 0x21, 0x21, 0x21, 0x21, 0x21,  // 0 ... 7
        0x21, 0x21, 0x23, 0x3b, 0x3b, 0x3a, 0x3b, 0x33));  // 8 ... f
    const __m256i kind_by_high = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0x20, 0x20, 0x01, 0x02, 0x04, 0x08, 0x04, 0x10,
        0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20));
    // '-' is 62, '0' 52, 'A' 0, 'a' 26.
    const __m256i added_by_high = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        0, 0, 62 - '-', 52 - '0', 0 - 'A', 0 - 'A', 26 - 'a', 26 - 'a', 0, 0, 0, 0, 0, 0, 0, 0));
    const __m256i added_to_underscore = _mm256_set1_epi8(63 - '_' + 'A');
    const __m256i octets_in_order = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1));
    const __m256i together = _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7);
    size_t at = 0;
    // A block stores 32 octets, though only 24 count: eleven groups have room for that.
    for (; count - at >= 44; at += 32) {
        const __m256i block = _mm256_loadu_si256((const __m256i *)(const void *)(text + at));
        const __m256i high = _mm256_and_si256(_mm256_srli_epi32(block, 4), low_bits);
        const __m256i low = _mm256_and_si256(block, low_bits);
        if (!_mm256_testz_si256(
                _mm256_shuffle_epi8(refused_by_low, low), _mm256_shuffle_epi8(kind_by_high, high)))
            break;
        const __m256i added = _mm256_add_epi8(
            _mm256_shuffle_epi8(added_by_high, high),
            _mm256_and_si256(_mm256_cmpeq_epi8(block, underscore), added_to_underscore));
        const __m256i digits = _mm256_add_epi8(block, added);
        // Two digits to twelve bits, two of those to 24, whose octets then are put in their order.
        const __m256i pairs = _mm256_maddubs_epi16(digits, _mm256_set1_epi32(0x01400140));
        const __m256i groups = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
        const __m256i spread = _mm256_shuffle_epi8(groups, octets_in_order);
        _mm256_storeu_si256(
            (__m256i *)(void *)(room + at / 4 * 3), _mm256_permutevar8x32_epi32(spread, together));
    }
    return at;
}

/// How many octets from the front were written as digits into `text`, a multiple of 24 and at most
/// `count`: four characters for each three.
///
/// Twelve octets a half: each three are spread over a word of four, the six bits of each digit moved to
/// their octet by two multiplications, and made characters by what their range adds (as above).
__attribute__((target("avx2"))) static inline size_t octets_base64url_encode_avx2(
    const uint8_t *_Nonnull octets, size_t count, uint8_t *_Nonnull text) {
    const __m256i spread = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(1, 0, 2, 1, 4, 3, 5, 4, 7, 6, 8, 7, 10, 9, 11, 10));
    // By kind: 0 for 26 ... 51, 1 to 10 for 52 ... 61, 11 for 62, 12 for 63, 13 below 26.
    const __m256i added = _mm256_broadcastsi128_si256(_mm_setr_epi8(
        'a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
        '0' - 52, '0' - 52, '-' - 62, '_' - 63, 'A', 0, 0));
    size_t at = 0;
    // A block reads 28 octets, though only 24 count.
    for (; count - at >= 28; at += 24) {
        const __m128i low = _mm_loadu_si128((const __m128i *)(const void *)(octets + at));
        const __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(octets + at + 12));
        const __m256i words = _mm256_shuffle_epi8(_mm256_set_m128i(high, low), spread);
        const __m256i odd = _mm256_mulhi_epu16(
            _mm256_and_si256(words, _mm256_set1_epi32(0x0fc0fc00)), _mm256_set1_epi32(0x04000040));
        const __m256i even = _mm256_mullo_epi16(
            _mm256_and_si256(words, _mm256_set1_epi32(0x003f03f0)), _mm256_set1_epi32(0x01000010));
        const __m256i digits = _mm256_or_si256(odd, even);
        const __m256i isUpper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), digits);
        const __m256i kind = _mm256_or_si256(
            _mm256_subs_epu8(digits, _mm256_set1_epi8(51)),
            _mm256_and_si256(isUpper, _mm256_set1_epi8(13)));
        _mm256_storeu_si256(
            (__m256i *)(void *)(text + at / 3 * 4),
            _mm256_add_epi8(digits, _mm256_shuffle_epi8(added, kind)));
    }
    return at;
}
#endif

/// As above where the machine can, else 0.
static inline size_t octets_base64url_blocks(
    const uint8_t *_Nonnull text, size_t count, uint8_t *_Nonnull room) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return octets_base64url_avx2(text, count, room);
#endif
    return 0;
}

/// As above where the machine can, else 0. `text` is for `count / 3 * 4` characters or more.
static inline size_t octets_base64url_encode_blocks(
    const uint8_t *_Nonnull octets, size_t count, uint8_t *_Nonnull text) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2")) return octets_base64url_encode_avx2(octets, count, text);
#endif
    return 0;
}
