// Work on a thread of Node's pool whose result is a promise's.

#ifndef CROSSWEAVE_ASYNC_WORK_H_
#define CROSSWEAVE_ASYNC_WORK_H_

#include <node_api.h>

#include <exception>
#include <memory>

#include "runtime.h"

namespace crossweave {

class AsyncWork {
 public:
  virtual ~AsyncWork() = default;
  // On another thread; what it throws rejects the promise.
  virtual void Run() = 0;
  // On the JavaScript thread: the promise's value.
  virtual napi_value Finish(napi_env env, Runtime& runtime) = 0;

 private:
  friend napi_value Start(napi_env env, const char* name, std::unique_ptr<AsyncWork> work);
  static void RunOnThread(napi_env env, void* data);
  static void Settle(napi_env env, napi_status status, void* data);

  napi_async_work handle_ = nullptr;
  napi_deferred promise_ = nullptr;
  std::exception_ptr fault_;
};

// Starts the work; its promise.
napi_value Start(napi_env env, const char* name, std::unique_ptr<AsyncWork> work);

}  // namespace crossweave

#endif  // CROSSWEAVE_ASYNC_WORK_H_
