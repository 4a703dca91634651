import { Random as Uniform } from "../../test/crash/random.ts";

/** Random numbers from a seed, of the distributions that a fleet has. */
export class Random extends Uniform {
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** Mean 0, deviation 1. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  /** Around 1, with a tail: e to a normal of this deviation. */
  spread(deviation: number): number {
    return Math.exp(deviation * this.normal());
  }

  /** The wait for the next of events that come at random, so long apart on the average. */
  wait(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }
}
