import {
  ConfigError,
  CrossweaveError,
  errnoOf,
  type FaultPlace,
  IncompleteError,
  LeakError,
  NumericError,
  RefusedError,
  RuntimeMissingError,
  ShardError,
  SourceError,
  StateError,
} from "../../core/errors.ts";

/** An error in a form that crosses threads: structured clone keeps neither classes nor fields. */
export interface Fault {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly errno: string | undefined;
  readonly file: string | undefined;
  readonly record: string | undefined;
  readonly remedy: string | undefined;
  readonly cause: Fault | undefined;
}

const errorClasses: Readonly<
  Record<string, new (message: string, place: FaultPlace) => CrossweaveError>
> = {
  ConfigError,
  IncompleteError,
  LeakError,
  NumericError,
  RefusedError,
  RuntimeMissingError,
  ShardError,
  SourceError,
  StateError,
};

/** What `errorOf` needs to make the error again. */
export function faultOf(error: unknown): Fault {
  const known = error instanceof CrossweaveError ? error : undefined;
  const { name, message, stack, cause } = error instanceof Error ? error : new Error(String(error));
  return {
    name,
    message,
    stack,
    errno: known === undefined ? errnoOf(error) : undefined,
    file: known?.file,
    record: known?.record,
    remedy: known?.remedy,
    cause: cause === undefined ? undefined : faultOf(cause),
  };
}

/** An error of the fault's class, with its fields, its stack where it was thrown, and its errno code. */
export function errorOf(fault: Fault): Error {
  const { name, message, stack, errno, file, record, remedy } = fault;
  const cause = fault.cause === undefined ? undefined : errorOf(fault.cause);
  const ErrorClass = errorClasses[name];
  const error =
    ErrorClass === undefined
      ? Object.assign(new Error(message, { cause }), { name }, errno && { code: errno })
      : new ErrorClass(message, { file, record, remedy, cause });
  if (stack !== undefined) error.stack = stack;
  return error;
}
