// TensorFlow's own collectives between processes: joining their cluster, and a watch over its other members.
//
// The collectives themselves are ordinary operations. A member that dies breaks the connection it is needed on; one
// that stands still does not, and the thread that waits for it may be inside TensorFlow. So the watch is a thread of
// its own: it asks every member whether it answers, aborts all collectives when one has not for too long, and
// ends the process when nobody has taken notice of that.

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "module.h"
#include "status.h"
#include "tensorflow/c/c_api_experimental.h"

// Exported by TensorFlow, but not in its header as a function of C.
extern "C" TF_Buffer* TFE_GetServerDef(const char* text_proto, TF_Status* status);

namespace crossweave {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::milliseconds;

constexpr size_t kMostMembers = 65536;
constexpr int64_t kLongestMs = 86400000;
// How long one question may take; the process waits for it when it ends.
constexpr Milliseconds kLongestQuestion{2000};
constexpr Milliseconds kFirstPause{100};
constexpr Milliseconds kLongestPause{5000};

std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

struct WatchOptions {
  // /job:worker/replica:0/task:1
  std::vector<std::string> members;
  // A member that has answered once may be silent for so long.
  Milliseconds silence;
  // Then JavaScript has so long to stop the watch before the process ends.
  Milliseconds grace;
  int exit_code;
};

class Watch {
 public:
  Watch(TFE_Context* context, WatchOptions options)
      : context_(context),
        options_(std::move(options)),
        answered_(options_.members.size()),
        thread_([this] { Run(); }) {}
  ~Watch() {
    Stop();
    thread_.join();
  }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  void Stop() {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopped_ = true;
    woken_.notify_all();
  }

  // Milliseconds since each member answered; -1 for one that never has.
  std::vector<int64_t> Silences() {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<int64_t> silences;
    for (size_t place = 0; place < answered_.size(); ++place) {
      silences.push_back(SilenceOf(place).count());
    }
    return silences;
  }

 private:
  Milliseconds SilenceOf(size_t place) const {
    if (answered_[place] == Clock::time_point()) return Milliseconds(-1);
    return std::chrono::duration_cast<Milliseconds>(Clock::now() - answered_[place]);
  }

  void Run() {
    while (!StoppedWithin(Pause())) {
      for (size_t place = 0; place < options_.members.size(); ++place) {
        const std::string fault = Ask(place);
        if (!fault.empty()) return Abort(fault);
        if (StoppedWithin(Milliseconds(0))) return;
      }
    }
  }

  // Somebody waits for the first answers; later ones only show that all is well.
  Milliseconds Pause() {
    for (const int64_t silence : Silences()) {
      if (silence < 0) return kFirstPause;
    }
    return std::min(options_.silence / 4, kLongestPause);
  }

  // What is wrong with a member, if it has been silent for too long.
  std::string Ask(size_t place) {
    const Milliseconds limit = std::min(options_.silence / 2, kLongestQuestion);
    Status status;
    TFE_CollectiveOpsCheckPeerHealth(context_, options_.members[place].c_str(), limit.count(),
                                     status.get());
    const std::lock_guard<std::mutex> lock(mutex_);
    if (status.ok()) {
      answered_[place] = Clock::now();
      return "";
    }
    if (SilenceOf(place) < options_.silence) return "";
    return options_.members[place] + " has not answered for " +
           std::to_string(options_.silence.count() / 1000) + " s (" + FirstLine(status.message()) + ")";
  }

  void Abort(const std::string& fault) {
    Status status;
    TF_SetStatus(status.get(), TF_UNAVAILABLE, fault.c_str());
    TFE_AbortCollectiveOps(context_, status.get());
    if (StoppedWithin(options_.grace)) return;
    const std::string message = "error: " + fault + "; this process is ended\n";
    if (write(STDERR_FILENO, message.data(), message.size()) < 0) {
      // Nobody is there to be told.
    }
    _exit(options_.exit_code);
  }

  bool StoppedWithin(Milliseconds time) {
    std::unique_lock<std::mutex> lock(mutex_);
    return woken_.wait_for(lock, time, [this] { return stopped_; });
  }

  TFE_Context* const context_;
  const WatchOptions options_;
  std::mutex mutex_;
  std::condition_variable woken_;
  bool stopped_ = false;
  std::vector<Clock::time_point> answered_;
  // Last: it uses the others.
  std::thread thread_;
};

// The cluster that an environment has joined.
struct Membership {
  std::unique_ptr<Watch> watch;
};

WatchOptions ReadWatchOptions(napi_env env, napi_value object) {
  WatchOptions options;
  for (napi_value member :
       ReadArray(env, ReadProperty(env, object, "members"), kMostMembers, "the members")) {
    options.members.push_back(ReadString(env, member, "a member"));
  }
  const auto milliseconds = [&](const char* name) {
    return Milliseconds(
        ReadIntegerWithin(env, ReadProperty(env, object, name), 1, kLongestMs, name));
  };
  options.silence = milliseconds("silenceMs");
  options.grace = milliseconds("graceMs");
  options.exit_code = static_cast<int>(
      ReadIntegerWithin(env, ReadProperty(env, object, "exitCode"), 0, 255, "exitCode"));
  return options;
}

// joinCluster(server, watch): `server` is a ServerDef as text. Before the first tensor is made: the devices get
// other names. `watch` is {members, silenceMs, graceMs, exitCode}.
napi_value JoinCluster(Runtime& runtime, const Call& call) {
  call.Expect(2, "joinCluster");
  const std::string server = ReadString(call.env(), call[0], "the server");
  WatchOptions options = ReadWatchOptions(call.env(), call[1]);
  if (runtime.num_tensors() > 0) throw BadArgument("a cluster is joined before a tensor is made");
  auto& membership = runtime.Part<Membership>();
  if (membership.watch != nullptr) throw BadArgument("a cluster is joined once");
  Status status;
  const std::unique_ptr<TF_Buffer, decltype(&TF_DeleteBuffer)> definition(
      TFE_GetServerDef(server.c_str(), status.get()), TF_DeleteBuffer);
  status.Require("the cluster's definition");
  TFE_EnableCollectiveOps(runtime.context(), definition->data, definition->length, status.get());
  status.Require("joining the cluster");
  runtime.FindDevices();
  membership.watch = std::make_unique<Watch>(runtime.context(), std::move(options));
  return nullptr;
}

Watch& WatchOf(Runtime& runtime) {
  auto& membership = runtime.Part<Membership>();
  if (membership.watch == nullptr) throw BadArgument("no cluster has been joined");
  return *membership.watch;
}

// memberSilences(): milliseconds since each member has answered, -1 where it never has
napi_value MemberSilences(Runtime& runtime, const Call& call) {
  const std::vector<int64_t> silences = WatchOf(runtime).Silences();
  napi_value array = ArrayValue(call.env(), silences.size());
  for (size_t place = 0; place < silences.size(); ++place) {
    SetElement(call.env(), array, place,
               NumberValue(call.env(), static_cast<double>(silences[place])));
  }
  return array;
}

// abortCollectives(why): whoever waits in one is told; no later one works.
napi_value AbortCollectives(Runtime& runtime, const Call& call) {
  call.Expect(1, "abortCollectives");
  WatchOf(runtime);
  Status status;
  TF_SetStatus(status.get(), TF_UNAVAILABLE, ReadString(call.env(), call[0], "why").c_str());
  TFE_AbortCollectiveOps(runtime.context(), status.get());
  return nullptr;
}

// leaveCluster(): the others may be silent from now on.
napi_value LeaveCluster(Runtime& runtime, const Call&) {
  WatchOf(runtime).Stop();
  return nullptr;
}

}  // namespace

void ExportCollectives(Exports& exports) {
  exports.Function<JoinCluster>("joinCluster");
  exports.Function<MemberSilences>("memberSilences");
  exports.Function<AbortCollectives>("abortCollectives");
  exports.Function<LeaveCluster>("leaveCluster");
}

}  // namespace crossweave
