import { setFlagsFromString } from "node:v8";

/**
 * Keeps the young generation of V8's heap as small as it starts (1 MB of 16), for a process that runs
 * on every node: what a first list leaves behind is collected before it has spread over memory that
 * V8 then keeps. To be called before anything else allocates much.
 */
export function keepHeapSmall(): void {
  setFlagsFromString("--semi-space-growth-factor=1");
}

/**
 * Has V8 collect garbage when its heap has grown by half, instead of letting it grow to several times
 * what is in use: for a process that turns over many times what it keeps. In a model of 80,000
 * Services parsed, of which 10,000 are kept, the peak is 146 MB instead of 310 for a tenth more CPU.
 * `--optimize-for-size` saves 16 MB more there, and costs half as much again: a controller under load
 * stalled for longer.
 */
export function collectEarly(): void {
  keepHeapSmall();
  setFlagsFromString("--heap-growing-percent=50");
}
