/** The cells that a small model sees: a picture of the drawing, and a drawing pad for the keyboard. */

export class Cells {
  /** Ink, 0 to 1, by rows. */
  values = new Float32Array(0);
  #grid;
  #columns = 1;
  #at = 0;
  /** Whether cells were set by hand since the focus came. */
  #drawing = false;

  /** Calls `changed` when a cell was set by hand, and with `true` when the focus then leaves: the drawing is done. */
  constructor(grid, changed) {
    this.#grid = grid;
    grid.addEventListener("focusout", ({ relatedTarget }) => {
      if (!this.#drawing || grid.contains(relatedTarget)) return;
      this.#drawing = false;
      changed(true);
    });
    grid.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -this.#columns, ArrowDown: this.#columns }[event.key];
      const row = Math.floor(this.#at / this.#columns) * this.#columns;
      if (step) this.#go(this.#at + step, Math.abs(step) === 1 ? row : undefined);
      else if (event.key === "Home") this.#go(row);
      else if (event.key === "End") this.#go(row + this.#columns - 1);
      else if (event.key === " " || event.key === "Enter") this.#toggle(this.#at, changed);
      else return;
      event.preventDefault();
    });
    grid.addEventListener("click", ({ target }) => {
      const i = this.#cells().indexOf(target);
      if (i < 0) return;
      this.#go(i);
      this.#toggle(i, changed);
    });
  }

  /** Lays out blank cells. */
  resize(columns, rows) {
    this.#columns = columns;
    this.#grid.style.setProperty("--columns", columns);
    const line = () => {
      const row = Object.assign(document.createElement("div"), { role: "row" });
      for (let i = 0; i < columns; i++) row.append(Object.assign(document.createElement("div"), { role: "gridcell", tabIndex: -1 }));
      return row;
    };
    this.#grid.replaceChildren(...Array.from({ length: rows }, line));
    this.show(new Float32Array(columns * rows));
    this.#at = Math.floor(rows / 2) * columns + Math.floor(columns / 2);
    this.#cells()[this.#at].tabIndex = 0;
  }

  show(values) {
    this.values = values;
    this.#cells().forEach((cell, i) => {
      const percent = Math.round(values[i] * 100);
      cell.style.setProperty("--ink-here", percent / 100);
      cell.ariaLabel = `row ${Math.floor(i / this.#columns) + 1}, column ${(i % this.#columns) + 1}: ${percent ? `${percent} % ink` : "paper"}`;
    });
  }

  /** Marks what an answer rests on: for each cell 1 where it carries the class, to -1 where it speaks against it. */
  mark(weights) {
    this.#grid.classList.toggle("marked", !!weights);
    this.#cells().forEach((cell, i) => {
      const weight = weights?.[i] ?? 0;
      cell.style.setProperty("--for", Math.max(0, weight));
      cell.style.setProperty("--against", Math.max(0, -weight));
      if (Math.abs(weight) >= 0.1) cell.ariaLabel += `, ${weight > 0 ? "for" : "against"} the answer: ${Math.round(Math.abs(weight) * 100)} %`;
    });
  }

  #cells() {
    return [...this.#grid.querySelectorAll("[role=gridcell]")];
  }

  /** Moves the focus, within the grid and, if it is given, within the row. */
  #go(to, row) {
    const cells = this.#cells();
    if (!cells[to] || (row !== undefined && (to < row || to >= row + this.#columns))) return;
    cells[this.#at].tabIndex = -1;
    cells[to].tabIndex = 0;
    cells[to].focus();
    this.#at = to;
  }

  #toggle(i, changed) {
    this.#drawing = true;
    this.show(this.values.map((ink, j) => (i === j ? Number(ink < 0.5) : ink)));
    changed(false);
  }
}
