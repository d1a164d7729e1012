// Loaded into a measured program with `node --import`: says at its end what it used, for measured-program.ts.
import { readFileSync, writeSync } from "node:fs";

process.on("exit", () => {
  const { user, system } = process.cpuUsage();
  // Unlike ru_maxrss, this is the program's own and not that of whoever started it.
  const [, peakKibibytes = "0"] =
    /VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  writeSync(2, `\nused ${(user + system) / 1e6} ${peakKibibytes}\n`);
});
