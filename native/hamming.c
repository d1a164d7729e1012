// Exact search for pairs of 256-bit hashes that differ in few bits, for WebAssembly with shared memory: the
// inner loops of src/audit/hamming/near-pairs.ts, which plans the slots and shares the work out to threads.
//
// native/hamming.wasm is this file, compiled with the PyPI package ziglang 0.17.0:
//   python3 -m ziglang cc -target wasm32-freestanding -O3 -msimd128 -matomics -mbulk-memory -nostdlib
//     -Wl,--no-entry -Wl,--import-memory -Wl,--shared-memory -Wl,--max-memory=4294901760
//     -Wl,--strip-all -Wl,-z,stack-size=0 native/hamming.c -o native/hamming.wasm
// test/audit/perceptual/native-code.slow.ts compiles it anew and compares the bytes.
#include <stdint.h>
#include <wasm_simd128.h>

enum { HASH_BYTES = 32, WORDS = 4, HEAD_WORDS = 2 };

// The hashes of one side, sorted by the bits of a slot: half of each hash (the one that the slot is not
// in), its row, and where the hashes of each key end. The word before `ends` is 0.
typedef struct {
  const uint64_t *heads;
  const uint32_t *rows;
  const uint32_t *ends;
  const uint64_t *hashes;
} Side;

typedef struct {
  uint32_t first_bit, num_bits, radius;
} Slot;

typedef struct {
  Side left, right;
  const uint32_t *masks;
  uint32_t num_masks, block_keys, max_distance;
  const Slot *slots;
  uint32_t slot;
  uint32_t same; // whether both sides are one set
} Join;

// Where a comparison goes on, and what it found: left row, right row and distance, three words each.
typedef struct {
  uint32_t first_key, mask, key, left, right;
  uint32_t *found;
  uint32_t capacity, num_found;
} Cursor;

static inline uint32_t key_of(const uint8_t *hash, uint32_t first_bit, uint32_t num_bits) {
  uint32_t word;
  __builtin_memcpy(&word, hash + (first_bit >> 3), sizeof word);
  return (word >> (first_bit & 7)) & ((1u << num_bits) - 1);
}

// Moves the bits of each hash to other places: `tables` holds the moved bits of each value of each byte.
__attribute__((export_name("permute"))) void permute(uint8_t *hashes, uint32_t num_hashes,
                                                     const v128_t *tables) {
  for (uint8_t *hash = hashes; hash < hashes + num_hashes * HASH_BYTES; hash += HASH_BYTES) {
    v128_t low = wasm_i64x2_const_splat(0), high = low;
    for (int32_t at = 0; at < HASH_BYTES; at++) {
      const v128_t *moved = tables + 2 * (256 * at + hash[at]);
      low = wasm_v128_or(low, moved[0]);
      high = wasm_v128_or(high, moved[1]);
    }
    wasm_v128_store(hash, low);
    wasm_v128_store(hash + 16, high);
  }
}

static inline uint32_t mixed(const uint64_t *hash) {
  uint64_t sum = hash[0] * 0x9e3779b97f4a7c15u;
  sum = (sum ^ (sum >> 29) ^ hash[1]) * 0xbf58476d1ce4e5b9u;
  sum = (sum ^ (sum >> 32) ^ hash[2]) * 0x94d049bb133111ebu;
  sum = (sum ^ (sum >> 29) ^ hash[3]) * 0x9e3779b97f4a7c15u;
  return (uint32_t)(sum >> 32);
}

static inline int32_t is_equal(const uint64_t *one, const uint64_t *other) {
  return one[0] == other[0] && one[1] == other[1] && one[2] == other[2] && one[3] == other[3];
}

// Keeps the first of equal hashes and closes the gaps; `groups` says for each row which of the kept ones it
// is. `table` has room for a power of two of places, all 0. Gives the number of those kept.
__attribute__((export_name("keepDistinct"))) uint32_t keep_distinct(uint64_t *hashes,
                                                                    uint32_t num_hashes,
                                                                    uint32_t *groups, uint32_t *table,
                                                                    uint32_t num_places) {
  uint32_t num_kept = 0;
  for (uint32_t row = 0; row < num_hashes; row++) {
    const uint64_t *hash = hashes + row * WORDS;
    uint32_t place = mixed(hash) & (num_places - 1);
    while (table[place] != 0 && !is_equal(hash, hashes + (table[place] - 1) * WORDS))
      place = (place + 1) & (num_places - 1);
    if (table[place] == 0) {
      uint64_t *kept = hashes + num_kept * WORDS;
      kept[0] = hash[0], kept[1] = hash[1], kept[2] = hash[2], kept[3] = hash[3];
      table[place] = ++num_kept;
    }
    groups[row] = table[place] - 1;
  }
  return num_kept;
}

// How many hashes have each key from `low` up to `high`.
__attribute__((export_name("countKeys"))) void count_keys(const uint8_t *hashes, uint32_t num_hashes,
                                                          uint32_t first_bit, uint32_t num_bits,
                                                          uint32_t low, uint32_t high,
                                                          uint32_t *counts) {
  for (uint32_t key = low; key < high; key++) counts[key] = 0;
  for (uint32_t row = 0; row < num_hashes; row++) {
    const uint32_t key = key_of(hashes + row * HASH_BYTES, first_bit, num_bits);
    if (key - low < high - low) counts[key]++;
  }
}

// From the number of each key to where each starts.
__attribute__((export_name("startsOfCounts"))) void starts_of_counts(uint32_t *counts,
                                                                     uint32_t num_keys) {
  uint32_t start = 0;
  counts[-1] = 0;
  for (uint32_t key = 0; key < num_keys; key++) {
    const uint32_t count = counts[key];
    counts[key] = start;
    start += count;
  }
}

// Lays the hashes with keys from `low` up to `high` in order. `starts` becomes where each key's hashes end.
__attribute__((export_name("scatter"))) void scatter(const uint8_t *hashes, uint32_t num_hashes,
                                                     uint32_t first_bit, uint32_t num_bits,
                                                     uint32_t low, uint32_t high, uint32_t *starts,
                                                     uint32_t head_offset, uint8_t *heads,
                                                     uint32_t *rows) {
  for (uint32_t row = 0; row < num_hashes; row++) {
    const uint8_t *hash = hashes + row * HASH_BYTES;
    const uint32_t key = key_of(hash, first_bit, num_bits);
    if (key - low >= high - low) continue;
    const uint32_t place = starts[key]++;
    wasm_v128_store(heads + 16 * place, wasm_v128_load(hash + head_offset));
    rows[place] = row;
  }
}

static inline uint32_t word_distance(uint64_t one, uint64_t other) {
  return (uint32_t)__builtin_popcountll(one ^ other);
}

static inline uint32_t head_distance(uint64_t low, uint64_t high, const uint64_t *head) {
  return word_distance(low, head[0]) + word_distance(high, head[1]);
}

// Whether an earlier slot has found the pair.
static int32_t is_known(const Join *join, const uint8_t *one, const uint8_t *other) {
  for (uint32_t at = 0; at < join->slot; at++) {
    const Slot slot = join->slots[at];
    const uint32_t different = key_of(one, slot.first_bit, slot.num_bits) ^
                               key_of(other, slot.first_bit, slot.num_bits);
    if ((uint32_t)__builtin_popcount(different) <= slot.radius) return 1;
  }
  return 0;
}

// Takes a pair whose halves are near, if all of it is and it is new. Gives 0 where there is no room for it.
static int32_t take(const Join *join, Cursor *at, uint32_t left, uint32_t right) {
  const uint32_t left_row = join->left.rows[left], right_row = join->right.rows[right];
  const uint64_t *one = join->left.hashes + left_row * WORDS;
  const uint64_t *other = join->right.hashes + right_row * WORDS;
  const uint32_t distance = head_distance(one[0], one[1], other) +
                            head_distance(one[2], one[3], other + HEAD_WORDS);
  if (distance > join->max_distance) return 1;
  if (is_known(join, (const uint8_t *)one, (const uint8_t *)other)) return 1;
  if (at->num_found == at->capacity) return 0;
  uint32_t *found = at->found + 3 * at->num_found++;
  found[0] = join->same && right_row < left_row ? right_row : left_row;
  found[1] = join->same && right_row < left_row ? left_row : right_row;
  found[2] = distance;
  return 1;
}

// Takes the near ones of up to four hashes from `right` on. Gives where it stopped: before `end` only where
// the room for pairs is full.
static uint32_t take_near(const Join *join, Cursor *at, uint32_t left, uint32_t right, uint32_t end) {
  const uint64_t *heads = join->left.heads + HEAD_WORDS * left;
  const uint32_t last = right + 4 < end ? right + 4 : end;
  for (; right < last; right++) {
    const uint64_t *head = join->right.heads + HEAD_WORDS * right;
    if (head_distance(heads[0], heads[1], head) > join->max_distance) continue;
    if (!take(join, at, left, right)) return right;
  }
  return end;
}

// Compares one hash with those from `right` up to `end`, four together: near halves are rare, and so are
// those of the up to three hashes behind the end, which are not taken. Gives where it stopped, as above.
static inline uint32_t compare_hash(const Join *join, Cursor *at, uint32_t left, uint32_t right,
                                    uint32_t end) {
  const uint64_t low = join->left.heads[HEAD_WORDS * left];
  const uint64_t high = join->left.heads[HEAD_WORDS * left + 1];
  const uint64_t *head = join->right.heads + HEAD_WORDS * right;
  const uint32_t limit = join->max_distance;
  for (; right < end; right += 4, head += 4 * HEAD_WORDS) {
    const uint32_t a = head_distance(low, high, head), b = head_distance(low, high, head + 2);
    const uint32_t c = head_distance(low, high, head + 4), d = head_distance(low, high, head + 6);
    if ((a > limit) & (b > limit) & (c > limit) & (d > limit)) continue;
    const uint32_t stopped = take_near(join, at, left, right, end);
    if (stopped < end) return stopped;
  }
  return end;
}

// Where the first of the hashes from `right` up to `end` lies, or up to three before it, that is near to the
// hash `left` or to the one behind it; the end or more where none is. Two at once halve the loops, which are
// short: buckets hold a few hashes.
static inline uint32_t first_near(const Join *join, uint32_t left, uint32_t right, uint32_t end) {
  const uint64_t *heads = join->left.heads + HEAD_WORDS * left;
  const uint64_t low = heads[0], high = heads[1], next_low = heads[2], next_high = heads[3];
  const uint64_t *head = join->right.heads + HEAD_WORDS * right;
  const uint32_t limit = join->max_distance;
  for (; right < end; right += 4, head += 4 * HEAD_WORDS) {
    const uint32_t a = head_distance(low, high, head), b = head_distance(low, high, head + 2);
    const uint32_t c = head_distance(low, high, head + 4), d = head_distance(low, high, head + 6);
    const uint32_t e = head_distance(next_low, next_high, head);
    const uint32_t f = head_distance(next_low, next_high, head + 2);
    const uint32_t g = head_distance(next_low, next_high, head + 4);
    const uint32_t h = head_distance(next_low, next_high, head + 6);
    if (!((a > limit) & (b > limit) & (c > limit) & (d > limit) & (e > limit) & (f > limit) &
          (g > limit) & (h > limit)))
      return right;
  }
  return end;
}

// Compares the hashes of two keys, from where the cursor stands. Gives 0 where the room for pairs is full.
static inline int32_t compare_keys(const Join *join, Cursor *at, uint32_t key, uint32_t other) {
  const uint32_t left_end = join->left.ends[key], right_end = join->right.ends[other];
  const uint32_t left_start = join->left.ends[(int32_t)key - 1];
  const uint32_t right_start = join->right.ends[(int32_t)other - 1];
  if (right_start == right_end) return 1;
  const int32_t is_triangle = join->same && key == other;
  for (uint32_t left = at->left > left_start ? at->left : left_start; left < left_end; left++) {
    uint32_t first = is_triangle ? left + 1 : right_start;
    if (!is_triangle && at->right == 0 && left + 1 < left_end) {
      first = first_near(join, left, right_start, right_end);
      if (first >= right_end) {
        left++;
        continue;
      }
    }
    const uint32_t right = at->right > first ? at->right : first;
    const uint32_t stopped = compare_hash(join, at, left, right, right_end);
    if (stopped < right_end) {
      at->left = left, at->right = stopped;
      return 0;
    }
    at->right = 0;
  }
  at->left = 0;
  return 1;
}

// Compares the hashes of a block of keys with those whose keys differ by one of the masks; of one set, each
// pair of keys once. All of a block for one mask, then for the next: the other keys are a block, too. Gives
// 0 where the room for pairs is full; the same call goes on.
__attribute__((export_name("compareBlock"))) int32_t compare_block(const Join *join, Cursor *at) {
  for (uint32_t mask = at->mask; mask < join->num_masks; mask++) {
    const uint32_t flipped = join->masks[mask];
    for (uint32_t step = at->key; step < join->block_keys; step++) {
      const uint32_t key = at->first_key + step, other = key ^ flipped;
      if (join->same && other < key) continue;
      if (compare_keys(join, at, key, other)) continue;
      at->mask = mask, at->key = step;
      return 0;
    }
    at->key = 0;
  }
  at->mask = 0;
  return 1;
}
