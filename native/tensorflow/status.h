// TensorFlow's statuses as owned values.

#ifndef CROSSWEAVE_STATUS_H_
#define CROSSWEAVE_STATUS_H_

#include <string>

#include "failure.h"
#include "tensorflow/c/tf_status.h"

namespace crossweave {

class Status {
 public:
  Status() : status_(TF_NewStatus()) {}
  ~Status() { TF_DeleteStatus(status_); }
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;

  TF_Status* get() { return status_; }
  bool ok() const { return TF_GetCode(status_) == TF_OK; }
  // TensorFlow's words, without the name of the function that it wraps around a single operation.
  std::string message() const;
  // TF_INVALID_ARGUMENT and the like.
  std::string code() const;
  // Throws a Failure that begins with `what` unless the status is fine.
  void Require(const std::string& what) const {
    if (!ok()) throw Failure(code(), what + ": " + message());
  }

 private:
  TF_Status* status_;
};

}  // namespace crossweave

#endif  // CROSSWEAVE_STATUS_H_
