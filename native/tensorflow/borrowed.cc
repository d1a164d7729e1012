#include "borrowed.h"

#include <utility>

#include "failure.h"

namespace crossweave {

BorrowedMemory::~BorrowedMemory() {
  for (napi_ref reference : TakeReturned()) napi_delete_reference(env_, reference);
  const std::lock_guard<std::mutex> lock(ledger_->mutex);
  ledger_->is_open = false;
}

void* BorrowedMemory::Borrow(napi_value value) {
  auto loan = std::make_unique<Loan>(Loan{ledger_, nullptr});
  {
    // Return must not fail for want of memory.
    const std::lock_guard<std::mutex> lock(ledger_->mutex);
    ledger_->returned.reserve(num_borrowed_ + 1);
  }
  Require(env_, napi_create_reference(env_, value, 1, &loan->reference));
  ++num_borrowed_;
  return loan.release();
}

void BorrowedMemory::Return(void*, size_t, void* borrowed) {
  const std::unique_ptr<Loan> loan(static_cast<Loan*>(borrowed));
  const std::lock_guard<std::mutex> lock(loan->ledger->mutex);
  if (!loan->ledger->is_open) return;
  loan->ledger->returned.push_back(loan->reference);
  loan->ledger->has_returned = true;
}

std::vector<napi_ref> BorrowedMemory::TakeReturned() {
  std::vector<napi_ref> returned;
  const std::lock_guard<std::mutex> lock(ledger_->mutex);
  returned.swap(ledger_->returned);
  ledger_->has_returned = false;
  ledger_->returned.reserve(num_borrowed_);
  return returned;
}

void BorrowedMemory::DropReturned() {
  if (!ledger_->has_returned) return;
  for (napi_ref reference : TakeReturned()) {
    --num_borrowed_;
    Require(env_, napi_delete_reference(env_, reference));
  }
}

}  // namespace crossweave
