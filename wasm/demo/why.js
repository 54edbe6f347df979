/** What an answer rests on: the cells whose ink, taken away, takes most of the answer's lead with it (occlusion). */

/** Runs that an explanation may take; more cells than this are taken away in squares. */
export const BUDGET = 256;

/**
 * For each cell what its ink carries of the lead that the class has over the next: 1 the most, below 0 what speaks
 * against the class. `run` gives the outputs for cells; the answer's own are `output`, its class `index`.
 */
export function explain(cells, columns, run, { output, index }) {
  const rows = cells.length / columns;
  const side = Math.ceil(Math.sqrt(cells.length / BUDGET));
  const lead = leadOf(output, index);
  const carried = new Float32Array(cells.length);
  let runs = 0;
  for (let top = 0; top < rows; top += side) {
    for (let left = 0; left < columns; left += side) {
      const square = squareAt(top, left, side, rows, columns);
      // Paper without its ink is what it was.
      if (square.every((i) => !cells[i])) continue;
      const without = cells.slice();
      square.forEach((i) => (without[i] = 0));
      const lost = lead - leadOf(run(without), index);
      square.forEach((i) => (carried[i] = lost));
      runs++;
    }
  }
  const most = Math.max(1e-9, ...carried.map(Math.abs));
  return { weights: carried.map((v) => v / most), runs };
}

function squareAt(top, left, side, rows, columns) {
  const cells = [];
  for (let y = top; y < Math.min(top + side, rows); y++) {
    for (let x = left; x < Math.min(left + side, columns); x++) cells.push(y * columns + x);
  }
  return cells;
}

/** How far the class is before the best of the others. */
function leadOf(output, index) {
  let next = -Infinity;
  output.forEach((v, i) => (next = i === index ? next : Math.max(next, v)));
  return output[index] - next;
}
