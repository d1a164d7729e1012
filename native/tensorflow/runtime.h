// What belongs to one JavaScript environment (the main thread's or a worker's): TensorFlow's eager
// context, the tensors that JavaScript has numbers for, and what the other files keep beside them.

#ifndef CROSSWEAVE_RUNTIME_H_
#define CROSSWEAVE_RUNTIME_H_

#include <node_api.h>

#include <cstdint>
#include <memory>
#include <string>
#include <typeindex>
#include <unordered_map>
#include <vector>

#include "borrowed.h"
#include "tensor.h"

namespace crossweave {

struct Operation;

// Is told of what happens while it is set; each method may throw to refuse it.
class Observer {
 public:
  virtual ~Observer() = default;
  // An operation, about to be executed.
  virtual void BeforeExecute(const Operation& operation) = 0;
  virtual void AfterExecute(const Operation& operation, const std::vector<Tensor>& outputs) = 0;
  // A tensor made of JavaScript's values.
  virtual void OnCreate(const Tensor& tensor) = 0;
  // Values, about to be read into JavaScript.
  virtual void OnRead(const Tensor& tensor) = 0;
  // JavaScript has deleted the tensor; another one may get the same address.
  virtual void OnDelete(const Tensor& tensor) = 0;
};

struct Device {
  std::string name;  // /job:localhost/replica:0/task:0/device:CPU:0
  std::string type;  // CPU, GPU
  int64_t memory_bytes;
};

class Runtime {
 public:
  // The runtime of an environment; throws where it is gone.
  static Runtime& Of(napi_env env);
  // Makes the runtime of an environment; it ends with the environment.
  static void Attach(napi_env env);
  explicit Runtime(napi_env env) : borrowed_(env) {}
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // The eager context, made when it is first asked for.
  TFE_Context* context();
  // A serialized ConfigProto for the context; throws when that has been made.
  void Configure(const std::string& config_proto);
  bool has_context() const { return context_ != nullptr; }
  const std::vector<Device>& devices();
  // Where values from JavaScript go: the first GPU, else the CPU.
  const Device& default_device();
  // To be called when the context's devices have got other names.
  void FindDevices();

  // Gives a tensor the number by which JavaScript names it.
  int64_t Keep(Tensor tensor);
  // The tensor of a number; a Failure where JavaScript never had it or has deleted it.
  const Tensor& Get(int64_t number) const;
  std::vector<Tensor> GetAll(const std::vector<int64_t>& numbers) const;
  void Delete(int64_t number);
  size_t num_tensors() const { return tensors_.size(); }

  // JavaScript's memory that tensors look at in place.
  BorrowedMemory& borrowed() { return borrowed_; }

  void set_observer(Observer* observer) { observer_ = observer; }
  // Null while nobody listens.
  Observer* observer() const { return observer_; }

  // What another file keeps for each environment, made at its first use. Parts end before the
  // tensors and the context do.
  template <typename T>
  T& Part() {
    std::shared_ptr<void>& part = parts_[typeid(T)];
    if (part == nullptr) part = std::make_shared<T>();
    return *static_cast<T*>(part.get());
  }

 private:
  // Ends last: tensors, parts and the context give back what they have borrowed.
  BorrowedMemory borrowed_;
  TFE_Context* context_ = nullptr;
  std::string config_proto_;
  std::vector<Device> devices_;
  size_t default_device_ = 0;
  std::unordered_map<int64_t, Tensor> tensors_;
  int64_t next_number_ = 0;
  Observer* observer_ = nullptr;
  std::unordered_map<std::type_index, std::shared_ptr<void>> parts_;
};

}  // namespace crossweave

#endif  // CROSSWEAVE_RUNTIME_H_
