#include "async_work.h"

#include "failure.h"
#include "values.h"

namespace crossweave {

napi_value Start(napi_env env, const char* name, std::unique_ptr<AsyncWork> work) {
  napi_value promise = nullptr;
  napi_value label = StringValue(env, name);
  Require(env, napi_create_async_work(env, nullptr, label, &AsyncWork::RunOnThread,
                                      &AsyncWork::Settle, work.get(), &work->handle_));
  const napi_status status = napi_create_promise(env, &work->promise_, &promise);
  if (status != napi_ok || napi_queue_async_work(env, work->handle_) != napi_ok) {
    napi_delete_async_work(env, work->handle_);
    throw Failure("NODE_API", "the work could not be started");
  }
  work.release();
  return promise;
}

void AsyncWork::RunOnThread(napi_env, void* data) {
  auto* work = static_cast<AsyncWork*>(data);
  try {
    work->Run();
  } catch (...) {
    work->fault_ = std::current_exception();
  }
}

void AsyncWork::Settle(napi_env env, napi_status status, void* data) {
  const std::unique_ptr<AsyncWork> work(static_cast<AsyncWork*>(data));
  napi_delete_async_work(env, work->handle_);
  // Where the environment is being ended, calls of Node-API fail and nobody waits for the promise.
  try {
    if (work->fault_ != nullptr) std::rethrow_exception(work->fault_);
    if (status != napi_ok) throw Failure("NODE_API", "the work was cancelled");
    napi_resolve_deferred(env, work->promise_, work->Finish(env, Runtime::Of(env)));
  } catch (...) {
    napi_value error = ErrorObject(env);
    if (error != nullptr) napi_reject_deferred(env, work->promise_, error);
  }
}

}  // namespace crossweave
