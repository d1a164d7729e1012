#include "worker_pool.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <system_error>
#include <thread>

namespace crossweave {
namespace {

// TensorFlow reads the same variable; 0 or nothing leaves it to the machine.
size_t NumThreads() {
  const char* text = std::getenv("TF_NUM_INTRAOP_THREADS");
  const long chosen = text == nullptr ? 0 : std::strtol(text, nullptr, 10);
  const size_t machine = std::max(1u, std::thread::hardware_concurrency());
  return chosen > 0 ? std::min(static_cast<size_t>(chosen), machine) : machine;
}

}  // namespace

struct WorkerPool::Job {
  Job(size_t parts, const std::function<void(size_t)>& work) : num_parts(parts), body(work) {}
  const size_t num_parts;
  // The caller's; not touched once all parts are done.
  const std::function<void(size_t)>& body;
  std::atomic<size_t> next{0};
  std::mutex mutex;
  std::condition_variable all_done;
  size_t num_done = 0;
};

WorkerPool& WorkerPool::Shared() {
  static WorkerPool* const pool = new WorkerPool(NumThreads() - 1);
  return *pool;
}

WorkerPool::WorkerPool(size_t num_workers) {
  try {
    for (; num_workers_ < num_workers; ++num_workers_) std::thread([this] { Work(); }).detach();
  } catch (const std::system_error&) {
    // The system gives no more threads: those that there are do it.
  }
}

void WorkerPool::Work() {
  while (true) {
    std::shared_ptr<Job> job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      has_jobs_.wait(lock, [this] { return !jobs_.empty(); });
      job = jobs_.front();
    }
    Help(*job);
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.erase(std::remove(jobs_.begin(), jobs_.end(), job), jobs_.end());
  }
}

// Until every part has been begun.
void WorkerPool::Help(Job& job) {
  size_t num_done = 0;
  for (size_t part = job.next++; part < job.num_parts; part = job.next++) {
    job.body(part);
    ++num_done;
  }
  if (num_done == 0) return;
  const std::lock_guard<std::mutex> lock(job.mutex);
  job.num_done += num_done;
  if (job.num_done == job.num_parts) job.all_done.notify_all();
}

void WorkerPool::Run(size_t num_parts, const std::function<void(size_t)>& body) {
  if (num_parts <= 1 || num_workers_ == 0) {
    for (size_t part = 0; part < num_parts; ++part) body(part);
    return;
  }
  const auto job = std::make_shared<Job>(num_parts, body);
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(job);
  }
  if (num_parts == 2) {
    has_jobs_.notify_one();
  } else {
    has_jobs_.notify_all();
  }
  Help(*job);
  {
    std::unique_lock<std::mutex> lock(job->mutex);
    job->all_done.wait(lock, [&] { return job->num_done == job->num_parts; });
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  jobs_.erase(std::remove(jobs_.begin(), jobs_.end(), job), jobs_.end());
}

}  // namespace crossweave
