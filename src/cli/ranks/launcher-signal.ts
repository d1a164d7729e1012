import { z } from "zod";
import { IncompleteError } from "../../core/errors.ts";

const messageSchema = z.object({ lostRank: z.int() });

/**
 * What the process that has started this rank lets it know: the signal is aborted, with an IncompleteError, when
 * another rank has ended. When the launcher itself ends, this process stops cleanly, as by Ctrl-C.
 */
export function launcherSignal(): AbortSignal {
  const controller = new AbortController();
  if (process.channel === undefined) return controller.signal;
  process.on("message", (message: unknown) => {
    const parsed = messageSchema.safeParse(message);
    if (parsed.success) controller.abort(lossOf(parsed.data.lostRank));
  });
  process.once("disconnect", () => process.kill(process.pid, "SIGINT"));
  process.channel?.unref(); // it need not keep the process alive
  return controller.signal;
}

function lossOf(rank: number): IncompleteError {
  return new IncompleteError(`rank ${rank} has ended before all were there`, {
    remedy: "its own messages say why; the same command goes on",
  });
}
