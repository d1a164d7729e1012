// The fields of a serialized protocol buffer. TensorFlow's C API tells what its operations take in
// this form alone.

#ifndef CROSSWEAVE_WIRE_H_
#define CROSSWEAVE_WIRE_H_

#include <cstdint>
#include <string>

#include "failure.h"

namespace crossweave {

class Fields {
 public:
  Fields(const void* data, size_t size) : at_(static_cast<const char*>(data)), end_(at_ + size) {}

  // Goes to the next field; false at the end.
  bool Next() {
    if (at_ == end_) return false;
    const uint64_t tag = Varint();
    number_ = tag >> 3;
    size_ = 0;
    switch (tag & 7) {
      case 0: Varint(); break;
      case 1: Skip(8); break;
      case 2: size_ = Varint(); data_ = at_; Skip(size_); break;
      case 5: Skip(4); break;
      default: throw Cut();
    }
    return true;
  }
  uint64_t number() const { return number_; }
  // The field's content where it is a message or a text.
  Fields message() const { return Fields(data_, size_); }
  std::string text() const { return std::string(data_, size_); }

 private:
  static Failure Cut() { return Failure("TF_INTERNAL", "the definition of an operation is damaged"); }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64 && at_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*at_++);
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw Cut();
  }
  void Skip(uint64_t size) {
    if (size > static_cast<uint64_t>(end_ - at_)) throw Cut();
    at_ += size;
  }

  const char* at_;
  const char* end_;
  const char* data_ = nullptr;
  size_t size_ = 0;
  uint64_t number_ = 0;
};

}  // namespace crossweave

#endif  // CROSSWEAVE_WIRE_H_
