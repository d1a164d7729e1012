// A decoder process: stores the pictures it is asked for, one after the other, until its parent is gone.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { SourceError } from "../../core/errors.ts";
import { Resampler } from "../../pixels/resampler.ts";
import { PictureFault } from "./picture-fault.ts";
import { openSource, readPicture, storeOpened } from "./store-picture.ts";
import type {
  DecoderReply,
  DecoderRequest,
  DecoderStart,
  PictureRequest,
} from "./worker-messages.ts";

/** Of larger ones only one is decoded at a time, so that memory does not grow with the number of processes. */
const LARGE_PIXELS = 8_000_000;
const LARGE_FILE_BYTES = 16 * 2 ** 20;

const resampler = new Resampler();
let started: DecoderStart | undefined;
let last: Promise<void> = Promise.resolve();

process.on("message", (request: DecoderRequest) => {
  if (request.kind === "start") started = request.start;
  else answerAfterLast(request.request);
});
process.on("disconnect", () => process.exit());
// Ctrl-C reaches the whole process group; the parent decides what to do about it.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => undefined);
reply({ kind: "ready" });

// The file of the next picture is read while this one is decoded.
function answerAfterLast(request: PictureRequest): void {
  const source = readUnlessLarge(request);
  source.catch(() => undefined); // it is awaited later
  last = last.then(async () => reply(await replyTo(request, source)));
}

async function readUnlessLarge(request: PictureRequest): Promise<Buffer | undefined> {
  const { sourceFolder } = startOf();
  const { reference, mayBeLarge } = request;
  if (!mayBeLarge && (await isLargeFile(join(sourceFolder, reference.path)))) return undefined;
  return readPicture(reference, sourceFolder);
}

async function isLargeFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).size > LARGE_FILE_BYTES;
  } catch {
    return false; // reading it says what is wrong
  }
}

async function replyTo(
  request: PictureRequest,
  reading: Promise<Buffer | undefined>,
): Promise<DecoderReply> {
  try {
    const { policy } = startOf();
    const source = await reading;
    if (source === undefined) return { kind: "large" };
    const opened = await openSource(source, policy);
    const { width, height } = opened.size;
    if (!request.mayBeLarge && width * height > LARGE_PIXELS) return { kind: "large" };
    const { reference } = request;
    const picture = await storeOpened({ reference, source, opened }, { policy, resampler });
    return { kind: "stored", picture };
  } catch (error) {
    return replyOfError(error);
  }
}

function replyOfError(error: unknown): DecoderReply {
  if (error instanceof PictureFault) {
    return { kind: "faulty", code: error.code, message: error.message };
  }
  if (error instanceof SourceError) {
    const { message, file, remedy } = error;
    return { kind: "failed", failure: { isSourceError: true, message, file, remedy } };
  }
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  return { kind: "failed", failure: { isSourceError: false, message, stack } };
}

function startOf(): DecoderStart {
  if (started === undefined) throw new Error("asked for a picture before it was started");
  return started;
}

function reply(message: DecoderReply): void {
  process.send?.(message);
}
