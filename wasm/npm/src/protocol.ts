/** What the page and its worker tell each other. */

import type { Code } from "./error.js";
import type { Description, Model } from "./model.js";
import type { Alarm, Monitor } from "./monitor.js";
import type { Bytes } from "./source.js";

/** The calls that go through to the model as they are. */
export type Call = "run" | "runImage" | "runAudio" | "reset" | "state" | "restore" | "selfTest";

/** The calls and properties that go through to the model's monitor. */
export type MonitorCall = keyof Monitor;

export type Request = { id: number } & ({ load: Bytes } | { call: Call; args: unknown[] } | { monitor: MonitorCall; args: unknown[] });

/** An answer, or an alarm that came. */
export type Reply = ({ id: number } & ({ value: unknown } | { error: { code: Code; message: string } })) | { alarm: Alarm };

export const describe = ({ name, inputs, outputs, preparation, card, monitor }: Model): Description => ({
  name,
  inputs,
  outputs,
  preparation,
  card,
  monitor: monitor && { features: monitor.features },
});
