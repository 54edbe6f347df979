/** The object that the wasm module exports; addresses are in its memory. See `wasm/src/runtime.rs`. */
export interface Runtime {
  reserve(length: number): number;
  open(): string;
  describe(): Uint8Array;
  reals(): number;
  write(port: number, length: number): boolean;
  read(port: number, length: number): boolean;
  picture(port: number, width: number, height: number): boolean;
  sound(port: number, rate: number): boolean;
  input(port: number): number;
  output(port: number): number;
  run(observed: boolean): void;
  watch(): number;
  report(): Uint8Array;
  save(): Uint8Array;
  resume(saved: Uint8Array): string;
  clear(everything: boolean): void;
  reset(): void;
  restore(state: Uint8Array): boolean;
  state(): Uint8Array;
  selfTest(): string;
}

/** A fresh scope of wasm-bindgen's glue: the exported class, and the functions that the module imports. */
export function glue(): {
  Runtime: new () => Runtime;
  __wbg_set_wasm(exports: WebAssembly.Exports): void;
};
