// What each file of the addon adds to its exports.

#ifndef CROSSWEAVE_MODULE_H_
#define CROSSWEAVE_MODULE_H_

#include "runtime.h"
#include "values.h"

namespace crossweave {

void ExportTensors(Exports& exports);      // tensors.cc
void ExportReading(Exports& exports);      // reading.cc
void ExportOperations(Exports& exports);   // operations.cc
void ExportCapture(Exports& exports);      // capture.cc
void ExportProfiling(Exports& exports);    // profiling.cc
void ExportSavedModels(Exports& exports);  // saved_models.cc
void ExportMachine(Exports& exports);      // machine.cc
void ExportCollectives(Exports& exports);  // collectives.cc

// Makes our own operations known to TensorFlow, once in a process.
void RegisterOwnKernels();  // kernel_call.cc

}  // namespace crossweave

#endif  // CROSSWEAVE_MODULE_H_
