/** What the page and its worker tell each other. */

import type { Code } from "./error.js";
import type { Description, Model } from "./model.js";
import type { Bytes } from "./source.js";

/** The calls that go through to the model as they are. */
export type Call = "run" | "runImage" | "runAudio" | "reset" | "state" | "restore" | "selfTest";

export type Request = { id: number } & ({ load: Bytes } | { call: Call; args: unknown[] });

export type Reply = { id: number } & ({ value: unknown } | { error: { code: Code; message: string } });

export const describe = ({ name, inputs, outputs, preparation, card }: Model): Description => ({ name, inputs, outputs, preparation, card });
