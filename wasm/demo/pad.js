/** The drawing: strokes of a pointer, as the digits' data set would have scanned them.
 *
 * The set's digits were scanned as 32x32 bitmaps, cut and centred, and each 4x4 block counted: 8x8 values from 0 to 16.
 * A drawing anywhere on the pad, of any size, looks like none of them. So it is brought to their form before the model
 * sees it: its bounding box is centred and scaled to the full height (or width), the pen keeps the width that theirs
 * has, and ink is averaged over each cell.
 */

/** The set's pen, in parts of the picture's side: of 0.9 to 1.5 cells, the one that reads most redrawn test images. */
const PEN = 1.3 / 8;
/** The pen that people see. */
const THIN = 0.07;
/** Pixels to a cell. */
const FINE = 16;

export class Pad {
  #canvas;
  #strokes = [];
  #changed;

  /** Calls `changed` as strokes grow, with whether the pen was lifted. */
  constructor(canvas, changed) {
    this.#canvas = canvas;
    this.#changed = changed;
    let pointer;
    canvas.addEventListener("pointerdown", (event) => {
      if (pointer !== undefined || event.button !== 0) return;
      pointer = event.pointerId;
      canvas.setPointerCapture(pointer);
      this.#strokes.push([this.#place(event)]);
      this.#show(false);
    });
    canvas.addEventListener("pointermove", (event) => {
      if (event.pointerId !== pointer) return;
      const events = event.getCoalescedEvents?.() ?? [];
      this.#strokes.at(-1)?.push(...(events.length ? events : [event]).map((e) => this.#place(e)));
      this.#show(false);
    });
    const end = (event) => {
      if (event.pointerId !== pointer) return;
      pointer = undefined;
      this.#show(true);
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    this.clear();
  }

  /** Blank paper; calls nobody. */
  clear() {
    this.#strokes = [];
    draw(this.#canvas, [], THIN);
  }

  /** Cells of ink, 0 to 1, of the drawing centred and scaled. */
  cells(columns, rows) {
    return cellsOf(this.#strokes, columns, rows);
  }

  #place({ clientX, clientY }) {
    const { left, top, width, height } = this.#canvas.getBoundingClientRect();
    return [(clientX - left) / width, (clientY - top) / height];
  }

  #show(lifted) {
    draw(this.#canvas, this.#strokes, THIN);
    this.#changed(lifted);
  }
}

/** Cells of ink, 0 to 1, of strokes centred and scaled. */
function cellsOf(strokes, columns, rows) {
  const canvas = new OffscreenCanvas(columns * FINE, rows * FINE);
  draw(canvas, fitted(strokes), PEN);
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  const cells = new Float32Array(columns * rows);
  for (let i = 0; i < data.length / 4; i++) {
    const [x, y] = [i % canvas.width, Math.floor(i / canvas.width)];
    cells[Math.floor(y / FINE) * columns + Math.floor(x / FINE)] += (255 - data[4 * i]) / 255 / FINE / FINE;
  }
  return cells;
}

/** The strokes with their bounding box in the middle, as large as the paper allows. */
function fitted(strokes) {
  const [xs, ys] = [0, 1].map((axis) => strokes.flat().map((point) => point[axis]));
  if (!xs.length) return [];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  // A dot stays a dot.
  const size = Math.max(bottom - top, right - left, 0.1);
  const scale = (1 - PEN) / size;
  return strokes.map((stroke) => stroke.map(([x, y]) => [(x - (left + right) / 2) * scale + 0.5, (y - (top + bottom) / 2) * scale + 0.5]));
}

/** Dark ink on white paper. */
function draw(canvas, strokes, pen) {
  const { width, height } = canvas;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, width, height);
  Object.assign(context, { strokeStyle: "#000", lineWidth: pen * Math.max(width, height), lineCap: "round", lineJoin: "round" });
  for (const stroke of strokes) {
    context.beginPath();
    // A line without length is not drawn, and a dot should be.
    context.moveTo(stroke[0][0] * width - 0.01, stroke[0][1] * height);
    for (const [x, y] of stroke) context.lineTo(x * width, y * height);
    context.stroke();
  }
}

/** Cells of ink as a picture of that many pixels: dark on white. */
export function pictureOf(cells, columns) {
  const data = new Uint8ClampedArray(cells.length * 4).fill(255);
  cells.forEach((ink, i) => data.fill(Math.round(255 - 255 * ink), i * 4, i * 4 + 3));
  return { data, width: columns, height: cells.length / columns };
}
