import { execFileSync } from "node:child_process";

// Node has no call for it. Written files are synced first, since what is not on the disk yet stays.
const PROGRAM = `import os, sys
for root in sys.argv[1:]:
    for folder, _, names in os.walk(root):
        for name in names:
            file = os.open(os.path.join(folder, name), os.O_RDONLY)
            os.fsync(file)
            os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)`;

/** Takes the files below these folders out of the machine's page cache. */
export function dropFromPageCache(folders: readonly string[]): void {
  execFileSync("python3", ["-c", PROGRAM, ...folders]);
}
