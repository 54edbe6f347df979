/** From scores to a label.
 *
 * A first output is a vector of scores if the artifact has one label for each value, or if a softmax writes it. The
 * best score's index and label are the answer; its confidence is its probability: the score itself where the operator
 * or the range of the integers says that scores are probabilities, else its softmax. Other outputs (regressions,
 * autoencoders, maps) have no label, and nothing is made up for them.
 */

import type { TypedArray } from "./dtype.js";
import type { Port } from "./model.js";

export interface Answer {
  /** The best score's label; absent if the artifact has no labels (`siskin compress --labels`). */
  label?: string;
  /** The best score's place. */
  index?: number;
  /** The best score as a probability; calibrated if the artifact has a monitor. */
  confidence?: number;
  /** With a monitor: the classes, below 64, that hold the right one as often as the artifact promises. */
  set?: number[];
  /** With a monitor: how many classes that set has. */
  setSize?: number;
  /** With a monitor: whether the confidence is too low to act on. */
  abstain?: boolean;
  /**
   * With a monitor that has the feature `distance`: how far the input is from the nearest class of the reference, where the
   * model makes its scores from; squared, in steps of what is stored there.
   */
  distance?: number;
  /** With `distance`: whether that is farther than 99 in 100 inputs of the reference, so the input is like none of them. */
  unlike?: boolean;
}

/** What turns the scores of a port into an answer; nothing for a port that has no scores. */
export function judge(port: Port, operator: string): ((scores: TypedArray) => Answer) | undefined {
  const length = port.shape.reduce((n, d) => n * d, 1);
  const softmax = /Softmax$/.test(operator);
  const { labels } = port;
  if (length < 2 || port.shape.at(-1) !== length || !(softmax || labels)) return undefined;
  const [low, high] = range(port);
  const given = operator !== "LogSoftmax" && (softmax || operator === "Sigmoid" || (low >= 0 && high <= 1));
  return (scores) => {
    const values = Array.from<number | bigint, number>(scores, Number);
    const best = Math.max(...values);
    const index = values.indexOf(best);
    const confidence = given ? best : 1 / values.reduce((sum, value) => sum + Math.exp(value - best), 0);
    return { ...(labels && { label: labels[index]! }), index, confidence };
  };
}

/** The least and the greatest value that a port's integers stand for. */
function range({ dtype, stored, scale, zeroPoint }: Port): [number, number] {
  const bits = Number(stored.slice(1));
  if (dtype === stored || bits > 16) return [-Infinity, Infinity];
  const least = stored[0] === "i" ? -(2 ** (bits - 1)) : 0;
  return [(least - zeroPoint) * scale, (least + 2 ** bits - 1 - zeroPoint) * scale];
}
