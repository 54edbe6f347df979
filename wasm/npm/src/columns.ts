/**
 * WebAssembly out of columns: opcodes, locals, constants and so on apart compress by a fifth better than mixed.
 *
 * `tools/bindgen/src/columns.rs` takes a file apart. Here it is put together again, byte for byte: the grammar of
 * WebAssembly names the column that the next byte comes from.
 */

/** The columns in their order: outside of code, declarations of locals, opcodes, then operands. */
const enum Column { Rest, Declarations, Opcodes, Locals, Constants, Offsets, Calls, Labels, Floats, Rare, Count }

const CODE = 10;
const LOCAL_GET = 0x20;
/** The first of six opcodes for what is done with one of the two locals used last: `RECENT + 2 · (get, set, tee) + which`. */
const RECENT = 0xe0;
/** Stands before an opcode whose first operand is not the usual one, which is left out. */
const UNUSUAL = 0xff;
/** The alignments of loads and stores, from 0x28 on. */
const ALIGNMENTS = "23230011001122222301012";
/** The numbers in order. */
const INDICES = Uint16Array.from({ length: 1024 }, (_, i) => i);

/** The most bytes of a function's length. */
const LENGTH = 5;

/** The file whose columns these are: their lengths and that of the file, four bytes each, then the columns. */
export function fromColumns(packed: ArrayBuffer): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(packed);
  const lengths = new Uint32Array(packed, 0, Column.Count + 1);
  const at = new Uint32Array(Column.Count);
  let end = lengths.byteLength;
  for (let column = 0; column < Column.Count; column++) {
    at[column] = end;
    end += lengths[column]!;
  }
  const file = new Uint8Array(lengths[Column.Count]!);
  let size = 0;

  const next = (column: Column): number => bytes[at[column]!++]!;
  const put = (byte: number): void => {
    file[size++] = byte;
  };
  const copy = (column: Column, count = 1): void => {
    while (count--) put(next(column));
  };
  const write = (value: number): void => {
    for (; value > 127; value >>>= 7) put((value & 127) | 128);
    put(value);
  };
  /** Copies a number; says which, modulo 2^32. */
  const number = (column: Column): number => {
    for (let value = 0, shift = 0; ; shift += 7) {
      const byte = next(column);
      put(byte);
      value |= (byte & 127) << shift;
      if (byte < 128) return value;
    }
  };

  const body = (): void => {
    const recent = INDICES.slice();
    const local = (rank: number): void => {
      const index = recent[rank]!;
      for (; rank; rank--) recent[rank] = recent[rank - 1]!;
      recent[0] = index;
      write(index);
    };
    for (let groups = number(Column.Declarations); groups--; ) {
      number(Column.Declarations);
      copy(Column.Declarations);
    }
    for (let depth = 1; depth; ) {
      let opcode = next(Column.Opcodes);
      const usual = opcode !== UNUSUAL;
      if (!usual) opcode = next(Column.Opcodes);
      const recently = opcode - RECENT;
      if (recently >= 0 && recently < 6) {
        put(LOCAL_GET + (recently >> 1));
        local(recently & 1);
        continue;
      }
      put(opcode);
      // Arithmetic, most of what is left, has no operands.
      if (opcode > 0x44 && opcode < 0xfc) continue;
      if (opcode === 0x0b) depth--;
      else if (opcode >= 0x02 && opcode <= 0x04) {
        depth++;
        usual ? put(0x40) : number(Column.Rare);
      } else if (opcode === 0x0c || opcode === 0x0d) number(Column.Labels);
      else if (opcode === 0x0e) for (let labels = number(Column.Labels); labels >= 0; labels--) number(Column.Labels);
      else if (opcode === 0x10) number(Column.Calls);
      else if (opcode >= LOCAL_GET && opcode < LOCAL_GET + 3) local(next(Column.Locals) + 2);
      else if (opcode === 0x23 || opcode === 0x24) usual ? put(0) : number(Column.Rare);
      else if (opcode >= 0x28 && opcode <= 0x3e) {
        usual ? put(+ALIGNMENTS[opcode - 0x28]!) : number(Column.Rare);
        number(Column.Offsets);
      } else if (opcode === 0x41 || opcode === 0x42) number(Column.Constants);
      else if (opcode === 0x43) copy(Column.Floats, 4);
      else if (opcode === 0x44) copy(Column.Floats, 8);
      else if (opcode === 0x11) copy(Column.Rare, 2);
      else if (opcode === 0x3f || opcode === 0x40) copy(Column.Rare);
      else if (opcode === 0xfc) {
        const bulk = number(Column.Opcodes);
        copy(Column.Rare, bulk < 8 ? 0 : bulk === 11 ? 1 : 2);
      } else if (opcode === 0xfd) {
        const vector = number(Column.Opcodes);
        const lane = vector >= 84 && vector < 92;
        if (vector < 12 || lane || vector === 92 || vector === 93) {
          copy(Column.Rare);
          number(Column.Offsets);
        } else if (vector < 14) copy(Column.Floats, 16);
        if (lane || (vector > 20 && vector < 35)) copy(Column.Rare);
      }
    }
  };

  copy(Column.Rest, 8);
  while (at[Column.Rest]! < lengths[Column.Rest]! + lengths.byteLength) {
    const section = next(Column.Rest);
    put(section);
    const length = number(Column.Rest);
    if (section !== CODE) copy(Column.Rest, length);
    else {
      for (let functions = number(Column.Rest); functions--; ) {
        // The function's length stands before it and is known after it.
        const start = size;
        const from = (size += LENGTH);
        body();
        const length = size - from;
        size = start;
        write(length);
        file.copyWithin(size, from, from + length);
        size += length;
      }
    }
  }
  return file;
}
