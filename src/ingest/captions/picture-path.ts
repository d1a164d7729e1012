/** The longest name in a folder, and the longest path, that common file systems take. */
const MAX_NAME_BYTES = 255;
const MAX_PATH_BYTES = 1024;

/**
 * Why a text cannot be the path of a picture below a folder, or undefined. Paths have one spelling, so that one
 * picture is not taken for two: no empty parts, and no "." that leads nowhere.
 */
export function pathFault(path: string): string | undefined {
  const parts = path.split("/");
  if (path.startsWith("/"))
    return "is absolute; expected a path below the folder of captions.jsonl";
  if (parts.includes("..")) return "leaves the folder of captions.jsonl";
  if (parts.some((part) => part === "" || part === ".")) {
    return 'has an empty part or "."; expected a path such as pictures/17.jpg';
  }
  if (!path.isWellFormed() || /[\\\p{Cc}]/u.test(path)) {
    return "has a backslash, a control character or a lone surrogate";
  }
  const isLong = parts.some((part) => Buffer.byteLength(part) > MAX_NAME_BYTES);
  return isLong || Buffer.byteLength(path) > MAX_PATH_BYTES
    ? `is longer than ${MAX_PATH_BYTES} bytes, or has a part of more than ${MAX_NAME_BYTES}`
    : undefined;
}
