/** Why a call failed, for programs; the message is for people. */
export type Code =
  /** The signal that the caller gave was aborted. */
  | "aborted"
  /** WebAssembly or a part of the browser that is needed is missing or forbidden. */
  | "unsupported-environment"
  /** The server did not answer, or not with success. */
  | "network"
  /** The answer was no WebAssembly module. */
  | "not-a-runtime"
  /** The bytes are no `.siskin` model. */
  | "not-a-model"
  /** The bytes were a model and are damaged. */
  | "damaged-model"
  /** The model has a format that this version of the package does not read. */
  | "unsupported-version"
  /** The model has an operator that this version of the package lacks. */
  | "unsupported-operator"
  | "out-of-memory"
  /** An input has another name, type or length than the model's. */
  | "wrong-input"
  /** The artifact does not say how an input is made from a picture or from sound. */
  | "no-preparation"
  /** A saved state is not of this model. */
  | "wrong-state"
  /** A golden vector of the file gave another answer. */
  | "self-test"
  /** An option that this entry of the package does not have. */
  | "wrong-option"
  /** The model was used after `dispose()`. */
  | "disposed"
  /** The worker did not start or died. */
  | "worker";

/** What every call of this package throws or rejects with. */
export class SiskinError extends Error {
  override readonly name = "SiskinError";

  constructor(
    readonly code: Code,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
