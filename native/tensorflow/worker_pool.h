// Threads that help our own kernels: TensorFlow's C API does not lend its own.

#ifndef CROSSWEAVE_WORKER_POOL_H_
#define CROSSWEAVE_WORKER_POOL_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>

namespace crossweave {

// Workers sleep until there is work. Whoever brings some takes part in it, so that it goes on however
// busy the workers are.
class WorkerPool {
 public:
  // The one of the process, made at its first use and never ended: its threads may still be asleep
  // when the process exits. With the caller it has as many threads as TensorFlow's for one operation.
  static WorkerPool& Shared();

  // Calls body(part) for each part below num_parts, in any order, and returns when all are done. What
  // a part does must not depend on who does it. body must not throw.
  void Run(size_t num_parts, const std::function<void(size_t part)>& body);

 private:
  struct Job;

  explicit WorkerPool(size_t num_workers);
  void Work();
  void Help(Job& job);

  std::mutex mutex_;
  std::condition_variable has_jobs_;
  std::deque<std::shared_ptr<Job>> jobs_;  // with parts that nobody has begun, as far as is known
  size_t num_workers_ = 0;
};

}  // namespace crossweave

#endif  // CROSSWEAVE_WORKER_POOL_H_
