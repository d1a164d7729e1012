// Memory of JavaScript's that TensorFlow looks at in place. A reference keeps it alive until
// TensorFlow's deallocator has run, which may happen on any thread; references can be dropped on
// the JavaScript thread only, so that those that are due wait in a list for its next call.

#ifndef CROSSWEAVE_BORROWED_H_
#define CROSSWEAVE_BORROWED_H_

#include <node_api.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace crossweave {

class BorrowedMemory {
 public:
  explicit BorrowedMemory(napi_env env) : env_(env) {}
  ~BorrowedMemory();

  // Keeps `value` alive until the result is handed to Return.
  void* Borrow(napi_value value);
  // A deallocator for TF_NewTensor; `borrowed` is Borrow's result.
  static void Return(void* data, size_t size_bytes, void* borrowed);
  // Drops the references whose memory has been returned; on the JavaScript thread.
  void DropReturned();
  // How many are borrowed now, also those that only wait for DropReturned.
  size_t num_borrowed() const { return num_borrowed_; }

 private:
  struct Ledger {
    std::mutex mutex;
    std::vector<napi_ref> returned;
    std::atomic<bool> has_returned{false};
    // Whether the environment is there still.
    bool is_open = true;
  };
  struct Loan {
    std::shared_ptr<Ledger> ledger;
    napi_ref reference;
  };

  std::vector<napi_ref> TakeReturned();

  napi_env env_;
  std::shared_ptr<Ledger> ledger_ = std::make_shared<Ledger>();
  size_t num_borrowed_ = 0;
};

}  // namespace crossweave

#endif  // CROSSWEAVE_BORROWED_H_
