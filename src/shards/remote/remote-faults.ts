import { IncompleteError, SourceError } from "../../core/errors.ts";
import { NetFault, type NetFaultCode } from "../../core/network/net-fault.ts";
import { StatusFault } from "./remote-client.ts";

/** A file that a server has not; told as the file system tells of one. */
class RemoteFileMissing extends Error {
  readonly code = "ENOENT";

  constructor(path: string, cause: unknown) {
    super(`${path} is not on the server`, { cause });
    this.name = new.target.name;
  }
}

const REMEDIES: Readonly<Partial<Record<NetFaultCode, string>>> = {
  NET_TLS:
    "check the set's address; where the server's authority is a private one, name its certificate in NODE_EXTRA_CA_CERTS",
  NET_ENCODING: "have the set's files served as they are, without compressing them",
};

/** What a failed request means to the user; errors of any other kind are given back as they are. */
export function explainedNetFault(error: unknown, path: string): unknown {
  if (!(error instanceof NetFault)) return error;
  if (error instanceof StatusFault) return statusError(error, path);
  const place = { file: path, cause: error };
  if (error.isFinal)
    return new SourceError(`${path} cannot be read: ${error.message}`, {
      ...place,
      remedy: REMEDIES[error.code] ?? "check the set's address",
    });
  return new IncompleteError(`${path} cannot be read now: ${error.message}`, {
    ...place,
    remedy: "check the network, then run the same command again",
  });
}

function statusError(error: StatusFault, path: string): Error {
  if (error.status === 404 || error.status === 410) return new RemoteFileMissing(path, error);
  const isForbidden = error.status === 401 || error.status === 403;
  return new SourceError(`${path}: ${error.message}`, {
    file: path,
    remedy: isForbidden
      ? "give credentials that may read it (S3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile; AWS_REGION, AWS_ENDPOINT_URL)"
      : "check the set's address",
    cause: error,
  });
}
