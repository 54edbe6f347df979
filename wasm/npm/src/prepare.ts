/** How an input is made from a picture or from sound: what the artifact says, in words. */

import type { Model } from "./model.js";
import { SiskinError } from "./error.js";

/** A picture is scaled to the input's height and width; then `(x - mean) / std` for each channel, `x` from 0 to 255. */
export interface ImagePreparation {
  readonly kind: "image";
  /** By channel, four of them whatever the input has. */
  readonly mean: readonly number[];
  /** By channel; negative where dark is great. */
  readonly std: readonly number[];
  readonly filter: "antialias" | "bilinear" | "nearest";
  /** What happens to pictures of other proportions. */
  readonly fit: "stretch" | "crop" | "pad";
  readonly layout: "nhwc" | "nchw";
  readonly colour: "rgb" | "bgr";
}

/** Sound becomes frames, spectra, mel bands, logarithms and, where `dct` is given, cepstral coefficients. */
export interface AudioPreparation {
  readonly kind: "audio";
  /** Samples a second. */
  readonly rate: number;
  /** Samples of a clip: a shorter one is filled with silence, of a longer one the beginning counts. */
  readonly samples: number;
  /** Samples of a frame. */
  readonly window: number;
  /** Samples from one frame to the next. */
  readonly hop: number;
  readonly fft: number;
  readonly mels: number;
  /** Cepstral coefficients of a frame; 0 if the bands are the features. */
  readonly coefficients: number;
  /** Hz. */
  readonly low: number;
  /** Hz. */
  readonly high: number;
  readonly gain: number;
  readonly offset: number;
  readonly floor: number;
  readonly mean: number;
  readonly std: number;
  readonly shape: "none" | "hann" | "hamming";
  readonly symmetric: boolean;
  /** 1 magnitude, 2 power. */
  readonly power: number;
  readonly scale: "htk" | "slaney";
  /** On which scale triangles are straight. */
  readonly slopes: "hertz" | "mel";
  readonly unitArea: boolean;
  readonly log: "none" | "ln" | "log10" | "db";
  readonly dct: "none" | "orthonormal" | "htk";
  readonly order: "frames-first" | "features-first";
}

export type Preparation = ImagePreparation | AudioPreparation;

/** The words of a record, as `runtime/format/FORMAT.md` lays them out. */
export function preparation(kind: "image" | "audio", words: readonly number[]): Preparation {
  const { buffer } = Uint32Array.from(words);
  const [reals, halves, bytes] = [new Float32Array(buffer), new Uint16Array(buffer), new Uint8Array(buffer)];
  if (kind === "image") {
    return {
      kind,
      mean: [...reals.subarray(0, 4)],
      std: [...reals.subarray(4, 8)],
      filter: (["antialias", "bilinear", "nearest"] as const)[bytes[32]!]!,
      fit: (["stretch", "crop", "pad"] as const)[bytes[33]!]!,
      layout: bytes[34] ? "nchw" : "nhwc",
      colour: bytes[35] ? "bgr" : "rgb",
    };
  }
  const [rate, samples, window, hop, fft] = words as [number, number, number, number, number];
  const [low, high, gain, offset, floor, mean, std] = reals.subarray(6) as unknown as [number, number, number, number, number, number, number];
  const [shape, power, scale, log, dct, order] = bytes.subarray(52) as unknown as [number, number, number, number, number, number];
  return {
    kind,
    rate,
    samples,
    window,
    hop,
    fft,
    mels: halves[10]!,
    coefficients: halves[11]!,
    low,
    high,
    gain,
    offset,
    floor,
    mean,
    std,
    shape: (["none", "hann", "hamming"] as const)[shape & 3]!,
    symmetric: shape > 3,
    power,
    scale: scale & 1 ? "slaney" : "htk",
    slopes: scale & 2 ? "mel" : "hertz",
    unitArea: scale > 3,
    log: (["none", "ln", "log10", "db"] as const)[log]!,
    dct: (["none", "orthonormal", "htk"] as const)[dct]!,
    order: order ? "features-first" : "frames-first",
  };
}

/** Throws if the artifact does not say how the model's one input is made from this. */
export function prepares(model: Pick<Model, "name" | "inputs" | "preparation">, kind: Preparation["kind"]): void {
  const { name, inputs, preparation } = model;
  if (preparation?.kind === kind && inputs.length === 1) return;
  const says = !preparation
    ? "its artifact does not say how: compile it with an [input] table (siskin compress --recipe)"
    : inputs.length > 1
      ? `it has ${inputs.length} inputs: pass their values to run`
      : `its input is made from ${preparation.kind === "image" ? "a picture: use runImage" : "sound: use runAudio"}`;
  throw new SiskinError("no-preparation", `the model ${name} cannot be run on ${kind === "image" ? "a picture" : "sound"}: ${says}`);
}
