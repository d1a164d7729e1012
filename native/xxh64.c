// XXH64 of bytes in memory, with seed 0, as the xxHash specification has it (version 0.1.1): the loop of
// src/core/checksum/xxh64.ts.
//
// native/xxh64.wasm is this file, compiled with the PyPI package ziglang 0.17.0:
//   python3 -m ziglang cc -target wasm32-freestanding -O3 -nostdlib
//     -Wl,--no-entry -Wl,--import-memory -Wl,--strip-all -Wl,-z,stack-size=0 native/xxh64.c -o native/xxh64.wasm
// test/audit/perceptual/native-code.slow.ts compiles it anew and compares the bytes.
#include <stdint.h>

#define PRIME_1 0x9E3779B185EBCA87ULL
#define PRIME_2 0xC2B2AE3D27D4EB4FULL
#define PRIME_3 0x165667B19E3779F9ULL
#define PRIME_4 0x85EBCA77C2B2AE63ULL
#define PRIME_5 0x27D4EB2F165667C5ULL

enum { LANES = 4, WORD = 8, STRIPE = LANES * WORD };

static inline uint64_t rotated(uint64_t word, int bits) { return word << bits | word >> (64 - bits); }

static inline uint64_t round_of(uint64_t lane, uint64_t input) {
  return rotated(lane + input * PRIME_2, 31) * PRIME_1;
}

static inline uint64_t merged(uint64_t hash, uint64_t lane) {
  return (hash ^ round_of(0, lane)) * PRIME_1 + PRIME_4;
}

static inline uint64_t word_at(const uint8_t *at) {
  uint64_t word;
  __builtin_memcpy(&word, at, sizeof word);
  return word;
}

static inline uint32_t half_at(const uint8_t *at) {
  uint32_t half;
  __builtin_memcpy(&half, at, sizeof half);
  return half;
}

static inline uint64_t hash_of_stripes(const uint8_t *at, const uint8_t *end) {
  uint64_t a = PRIME_1 + PRIME_2, b = PRIME_2, c = 0, d = -PRIME_1;
  for (; at < end; at += STRIPE) {
    a = round_of(a, word_at(at));
    b = round_of(b, word_at(at + WORD));
    c = round_of(c, word_at(at + 2 * WORD));
    d = round_of(d, word_at(at + 3 * WORD));
  }
  const uint64_t hash = rotated(a, 1) + rotated(b, 7) + rotated(c, 12) + rotated(d, 18);
  return merged(merged(merged(merged(hash, a), b), c), d);
}

__attribute__((export_name("xxh64"))) uint64_t xxh64(const uint8_t *bytes, uint32_t num_bytes) {
  const uint8_t *at = bytes + num_bytes / STRIPE * STRIPE, *end = bytes + num_bytes;
  uint64_t hash = (num_bytes < STRIPE ? PRIME_5 : hash_of_stripes(bytes, at)) + num_bytes;
  for (; end - at >= WORD; at += WORD)
    hash = rotated(hash ^ round_of(0, word_at(at)), 27) * PRIME_1 + PRIME_4;
  if (end - at >= 4) {
    hash = rotated(hash ^ half_at(at) * PRIME_1, 23) * PRIME_2 + PRIME_3;
    at += 4;
  }
  for (; at < end; at += 1) hash = rotated(hash ^ *at * PRIME_5, 11) * PRIME_1;
  hash = (hash ^ hash >> 33) * PRIME_2;
  hash = (hash ^ hash >> 29) * PRIME_3;
  return hash ^ hash >> 32;
}
