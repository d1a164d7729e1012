// Loaded into every process of a program that is tested: one that decodes pictures dies over the
// first picture, as if the decoder had crashed.
const on = process.on.bind(process);
process.on = (event, listener) =>
  on(event, event === "message" ? (message) => listener(unlessDeadly(message)) : listener);

function unlessDeadly(message) {
  const path = message.kind === "store" ? message.request.reference.path : "";
  if (path.endsWith("000000000001.jpg")) process.kill(process.pid, "SIGSEGV");
  return message;
}
