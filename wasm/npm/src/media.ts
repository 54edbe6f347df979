/** What pages have pictures and sound in, as the bytes and samples that the runtime takes. */

import { SiskinError } from "./error.js";

/** Pixels as `ImageData` has them: red, green, blue, alpha. */
export interface Pixels {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
}

/** A picture. */
export type Image = Pixels | HTMLCanvasElement | OffscreenCanvas | ImageBitmap | HTMLVideoElement | HTMLImageElement;

/** Samples of one channel, -1 to 1. */
export interface Samples {
  readonly samples: Float32Array;
  /** Samples a second. */
  readonly sampleRate: number;
}

/** A recording. */
export type Sound = Samples | AudioBuffer;

const wrong = (message: string): SiskinError => new SiskinError("wrong-input", message);

/** Pixels as they are, or as a 2-D canvas reads them. */
export function pixels(image: Image): Pixels {
  if (image && "data" in image) {
    const { data, width, height } = image;
    if (!ArrayBuffer.isView(data) || data.BYTES_PER_ELEMENT !== 1 || !width || data.length !== width * height * 4) {
      throw wrong(`a picture of ${width}x${height} has ${width * height * 4} bytes (red, green, blue, alpha); ${data?.length} came`);
    }
    return image;
  }
  const [width, height] = sizeOf(image);
  if (!width || !height) throw wrong("the picture has no pixels yet: wait until it has loaded");
  const canvas = globalThis.OffscreenCanvas ? new OffscreenCanvas(width, height) : Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true }) as OffscreenCanvasRenderingContext2D;
  context.drawImage(image, 0, 0, width, height);
  try {
    return context.getImageData(0, 0, width, height);
  } catch (cause) {
    throw new SiskinError("wrong-input", "the picture is of another origin that does not share its pixels: load it with crossorigin=anonymous", { cause });
  }
}

/** Its own size, not the one it is shown at. */
function sizeOf(image: any): [number, number] {
  const [width, height] = [image?.videoWidth ?? image?.naturalWidth ?? image?.width, image?.videoHeight ?? image?.naturalHeight ?? image?.height];
  if (typeof width !== "number") throw wrong("runImage takes ImageData, a canvas, an ImageBitmap, a video or an image");
  return [width, height];
}

/** One channel: the mean of them all. */
export function samples(sound: Sound): Samples {
  if (sound && "getChannelData" in sound) {
    const { length, numberOfChannels: n, sampleRate } = sound;
    const mono = new Float32Array(length);
    for (let c = 0; c < n; c++) sound.getChannelData(c).forEach((value, i) => (mono[i]! += value / n));
    return { samples: mono, sampleRate };
  }
  const { samples, sampleRate } = sound ?? {};
  if (Object.prototype.toString.call(samples) !== "[object Float32Array]" || !(sampleRate >= 1)) {
    throw wrong("runAudio takes an AudioBuffer or { samples: Float32Array, sampleRate }");
  }
  return { samples, sampleRate };
}
