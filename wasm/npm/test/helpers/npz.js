/** Reads numpy's files, and writes .npy. */

import { readFileSync, writeFileSync } from "node:fs";
import { inflateRawSync } from "node:zlib";

const TYPES = {
  "<f4": Float32Array,
  "<f8": Float64Array,
  "|i1": Int8Array,
  "|u1": Uint8Array,
  "<i4": Int32Array,
  "<i8": BigInt64Array,
};

/** The arrays of an .npz by name, or the one of an .npy as `x`; each with its shape. */
export function readArrays(path) {
  const file = readFileSync(path);
  return path.endsWith(".npy") ? { x: parse(file) } : Object.fromEntries(members(file));
}

/** Writes values of the type that their array has. */
export function writeNpy(path, values, shape) {
  const [type] = Object.entries(TYPES).find(([, type]) => values instanceof type);
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11) + "\n";
  const start = Buffer.from("\x93NUMPY\x01\x00\0\0", "latin1");
  start.writeUInt16LE(header.length, 8);
  writeFileSync(path, Buffer.concat([start, Buffer.from(header), new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]));
}

function parse(file) {
  const long = file[6] > 1;
  const start = long ? 12 + file.readUInt32LE(8) : 10 + file.readUInt16LE(8);
  const header = file.toString("latin1", long ? 12 : 10, start);
  const [, type] = /'descr': '([^']+)'/.exec(header);
  const shape = /'shape': \(([^)]*)\)/.exec(header)[1].split(",").filter((part) => part.trim()).map(Number);
  if (!TYPES[type] || header.includes("'fortran_order': True")) throw new Error(`cannot read numpy's ${header}`);
  return { shape, data: new TYPES[type](Uint8Array.from(file.subarray(start)).buffer) };
}

/** The members of a zip, by its central directory. */
function* members(file) {
  let at = file.readUInt32LE(file.lastIndexOf("PK\x05\x06", undefined, "latin1") + 16);
  while (file.readUInt32LE(at) === 0x02014b50) {
    const [method, packed] = [file.readUInt16LE(at + 10), file.readUInt32LE(at + 20)];
    const [name, extra, comment] = [28, 30, 32].map((offset) => file.readUInt16LE(at + offset));
    const local = file.readUInt32LE(at + 42);
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const bytes = file.subarray(start, start + packed);
    yield [file.toString("utf8", at + 46, at + 46 + name).replace(/\.npy$/, ""), parse(method ? inflateRawSync(bytes) : bytes)];
    at += 46 + name + extra + comment;
  }
}
