/** Element types, and the typed arrays that hold them. */

/** The element type of a port. */
export type DType = "f32" | "f16" | "f64" | "i8" | "u8" | "i16" | "u16" | "i32" | "u32" | "i64" | "u64" | "bool";

/** What ports are read and written as. `f16` is the bits in a `Uint16Array`, `bool` is 0 or 1 in a `Uint8Array`. */
export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

interface ArrayClass {
  new (buffer: ArrayBufferLike, offset: number, length: number): TypedArray;
  readonly name: string;
  readonly BYTES_PER_ELEMENT: number;
}

const CLASSES: Record<DType, ArrayClass> = {
  f32: Float32Array,
  f16: Uint16Array,
  f64: Float64Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
  i64: BigInt64Array,
  u64: BigUint64Array,
  bool: Uint8Array,
};

/** The name of the typed array that holds this element type. */
export const arrayName = (dtype: DType): string => CLASSES[dtype].name;

/** Whether `value` is a typed array; what stands in for one is not. */
export const isTypedArray = (value: unknown): value is TypedArray =>
  ArrayBuffer.isView(value) && !(value instanceof DataView);

/** Whether the elements of `array` are of this type, bit for bit. */
export function holds(array: TypedArray, dtype: DType): boolean {
  // By name: arrays of another frame or realm are as good.
  const name = Object.prototype.toString.call(array).slice(8, -1);
  return (
    name === arrayName(dtype) ||
    (name === "Float16Array" && dtype === "f16") ||
    (name === "Uint8ClampedArray" && CLASSES[dtype] === Uint8Array)
  );
}

/** The `length` elements at an address. */
export const view = (dtype: DType, memory: WebAssembly.Memory, address: number, length: number): TypedArray =>
  new CLASSES[dtype](memory.buffer, address, length);
