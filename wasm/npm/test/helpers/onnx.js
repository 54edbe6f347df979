/** The smallest ONNX writer that a test needs: `y = x + h_in`, `h_out = y`, over vectors of float. */

const varint = (n) => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
const number = (field, n) => [...varint(field << 3), ...varint(n)];
const bytes = (field, body) => [...varint((field << 3) | 2), ...varint(body.length), ...body];
const text = (field, string) => bytes(field, [...Buffer.from(string)]);

const FLOAT = 1;

function value(field, name, length) {
  const shape = bytes(2, bytes(1, number(1, length)));
  const type = bytes(1, [...number(1, FLOAT), ...shape]);
  return bytes(field, [...text(1, name), ...bytes(2, type)]);
}

const node = (type, inputs, output) => bytes(1, [...inputs.flatMap((name) => text(1, name)), ...text(2, output), ...text(4, type)]);

/** A model with the inputs `x` and `h_in` and the outputs `y` and `h_out`. */
export function adder(length) {
  const nodes = [...node("Add", ["x", "h_in"], "y"), ...node("Identity", ["y"], "h_out")];
  const inputs = [...value(11, "x", length), ...value(11, "h_in", length)];
  const outputs = [...value(12, "y", length), ...value(12, "h_out", length)];
  const graph = [...nodes, ...text(2, "adder"), ...inputs, ...outputs];
  return Uint8Array.from([...number(1, 8), ...bytes(7, graph), ...bytes(8, number(2, 17))]);
}
