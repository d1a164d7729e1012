// Captures the operations of one training step as a TensorFlow function.
//
// While a capture is on, each executed operation is also added to a graph. Tensors named as
// arguments become placeholders, tensors made inside the step become constants, and the graph
// becomes a function of the same eager context, to be executed by its name.

#ifndef CROSSWEAVE_CAPTURE_H_
#define CROSSWEAVE_CAPTURE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "operations.h"
#include "runtime.h"
#include "tensorflow/c/c_api.h"

namespace crossweave {

// What has been captured so far.
struct CapturedStep {
  TF_Graph* graph;
  const std::vector<Tensor>& argument_values;
  const std::vector<TF_Output>& arguments;
  const std::vector<TF_Output>& outputs;
};

class Capture : public Observer {
 public:
  enum class Mode { kOff = 0, kArguments = 1, kBody = 2, kOutputs = 3 };

  Mode mode() const { return mode_; }
  CapturedStep step() const { return {graph_.get(), argument_values_, arguments_, outputs_}; }
  void SetMode(Mode mode);
  // Makes the captured graph a function of the context; the capture is over in any case. Gives the
  // number of the graph's nodes.
  int64_t Finish(TFE_Context* context, const std::string& name);

  void BeforeExecute(const Operation& operation) override;
  void AfterExecute(const Operation& operation, const std::vector<Tensor>& outputs) override;
  void OnCreate(const Tensor& tensor) override;
  void OnRead(const Tensor& tensor) override;
  void OnDelete(const Tensor& tensor) override;

 private:
  struct GraphDeleter {
    void operator()(TF_Graph* graph) const { TF_DeleteGraph(graph); }
  };
  std::string NodeName(const std::string& operation);
  TF_Output AddPlaceholder(const Tensor& tensor);
  TF_Output AddConstant(const Tensor& tensor);
  TF_Output ValueOf(const Tensor& tensor, const std::string& used_by);
  void AddToGraph(const Operation& operation, const std::vector<Tensor>& outputs);

  Mode mode_ = Mode::kOff;
  std::unique_ptr<TF_Graph, GraphDeleter> graph_;
  int64_t next_node_ = 0;
  std::unordered_map<TFE_TensorHandle*, TF_Output> values_;
  std::unordered_set<TFE_TensorHandle*> made_inside_;
  std::vector<Tensor> argument_values_;
  std::vector<TF_Output> arguments_;
  std::vector<TF_Output> outputs_;
};

}  // namespace crossweave

#endif  // CROSSWEAVE_CAPTURE_H_
