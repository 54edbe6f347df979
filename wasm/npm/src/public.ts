/** What every entry exports besides its own `load`. */

export type { Answer } from "./answer.js";
export type { DType, TypedArray } from "./dtype.js";
export { SiskinError, type Code } from "./error.js";
export type { LoadOptions, Simd } from "./load.js";
export type { Image, Pixels, Samples, Sound } from "./media.js";
export type { Card, Description, Input, Model, Port, Result, RunOptions, Step } from "./model.js";
export type { Alarm, Monitor, Persisted, PersistOptions } from "./monitor.js";
export type { AudioPreparation, ImagePreparation, Preparation } from "./prepare.js";
export type { Progress, Source } from "./source.js";
