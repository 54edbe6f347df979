/** Files that people pick, as what a model takes. */

/** A RIFF .wav: samples of one channel, the mean of all, and their rate. */
export function wav(buffer) {
  const file = new DataView(buffer);
  const tag = (at) => String.fromCharCode(...new Uint8Array(buffer, at, 4));
  if (file.byteLength < 12 || tag(0) !== "RIFF" || tag(8) !== "WAVE") throw new Error("this is no .wav file");
  let format;
  for (let at = 12; at + 8 <= file.byteLength; ) {
    const [name, length, start] = [tag(at), file.getUint32(at + 4, true), at + 8];
    if (name === "fmt ") {
      const kind = file.getUint16(start, true);
      // 0xfffe: the kind follows, as the beginning of a GUID.
      format = { kind: kind === 0xfffe ? file.getUint16(start + 24, true) : kind, channels: file.getUint16(start + 2, true), sampleRate: file.getUint32(start + 4, true), bits: file.getUint16(start + 14, true) };
    } else if (name === "data" && format) {
      return mixed(file, start, Math.min(length, file.byteLength - start), format);
    }
    at = start + length + (length % 2);
  }
  throw new Error("this .wav file has no sound in it");
}

function mixed(file, start, length, { kind, channels, sampleRate, bits }) {
  const read = {
    "1/8": (at) => file.getUint8(at) / 128 - 1,
    "1/16": (at) => file.getInt16(at, true) / 2 ** 15,
    "1/24": (at) => (file.getInt16(at + 1, true) * 256 + file.getUint8(at)) / 2 ** 23,
    "1/32": (at) => file.getInt32(at, true) / 2 ** 31,
    "3/32": (at) => file.getFloat32(at, true),
  }[`${kind}/${bits}`];
  if (!read || !channels) throw new Error(`this .wav file has ${bits} bits of kind ${kind}: save it as PCM or as 32-bit float`);
  const [size, frame] = [bits / 8, (bits / 8) * channels];
  const samples = Float32Array.from({ length: Math.floor(length / frame) }, (_, n) => {
    let sum = 0;
    for (let c = 0; c < channels; c++) sum += read(start + n * frame + c * size);
    return sum / channels;
  });
  return { samples, sampleRate };
}

const TYPES = {
  "<f4": Float32Array, "<f8": Float64Array, "|i1": Int8Array, "|u1": Uint8Array, "<i2": Int16Array, "<u2": Uint16Array,
  "<i4": Int32Array, "<u4": Uint32Array, "<i8": BigInt64Array, "<u8": BigUint64Array, "|b1": Uint8Array,
};

/** numpy's .npy: the array and its type's name. */
export function npy(buffer) {
  const file = new DataView(buffer);
  if (file.byteLength < 12 || file.getUint32(0) !== 0x934e554d) throw new Error("this is no .npy file");
  const long = file.getUint8(6) > 1;
  const start = long ? 12 + file.getUint32(8, true) : 10 + file.getUint16(8, true);
  const header = new TextDecoder("latin1").decode(new Uint8Array(buffer, 10, start - 10));
  const [, type] = /'descr': '([^']+)'/.exec(header) ?? [];
  if (!TYPES[type] || header.includes("'fortran_order': True")) throw new Error(`this .npy file has arrays of ${type} or in Fortran's order, which this page does not read`);
  return new TYPES[type](buffer.slice(start));
}

/** An .npz: its arrays by name. */
export async function npz(buffer) {
  const file = new DataView(buffer);
  // The directory stands at the end; its end has 22 bytes, as numpy writes no comment.
  let at = file.getUint32(file.byteLength - 6, true);
  const arrays = {};
  while (file.getUint32(at, true) === 0x02014b50) {
    const [method, packed] = [file.getUint16(at + 10, true), file.getUint32(at + 20, true)];
    const [name, extra, comment] = [28, 30, 32].map((offset) => file.getUint16(at + offset, true));
    const local = file.getUint32(at + 42, true);
    const start = local + 30 + file.getUint16(local + 26, true) + file.getUint16(local + 28, true);
    const member = new Blob([new Uint8Array(buffer, start, packed)]);
    const title = new TextDecoder().decode(new Uint8Array(buffer, at + 46, name)).replace(/\.npy$/, "");
    arrays[title] = npy(await new Response(method ? member.stream().pipeThrough(new DecompressionStream("deflate-raw")) : member).arrayBuffer());
    at += 46 + name + extra + comment;
  }
  return arrays;
}
