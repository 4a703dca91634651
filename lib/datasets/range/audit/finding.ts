import type { Day } from "../../../model/day.ts";
import type { SegmentId } from "../../../model/segments.ts";

/** Something that is not as it must be. */
export interface VerifyFinding {
  /** Stable, upper snake case; docs/verify.md lists them. */
  readonly code: string;
  readonly text: string;
  readonly segment?: SegmentId;
  /** The source day. */
  readonly day?: Day;
  /** The aggregate trade that the bar, or the interval, begins with. */
  readonly id?: bigint;
  /** How many more there are with this code in this segment, which are not listed. */
  readonly more?: number;
}

/** Where a finding is. */
export interface FindingPlace {
  readonly day?: Day | undefined;
  readonly id?: bigint | undefined;
}

/** Listed per code and segment; the rest is counted. */
export const listedMax = 5;

/** Gathers the findings of one segment. */
export class Findings {
  readonly #segment: SegmentId;
  readonly #listed = new Map<string, VerifyFinding[]>();
  readonly #more = new Map<string, number>();

  constructor(segment: SegmentId) {
    this.#segment = segment;
  }

  /** @param what one sentence without the place */
  add(code: string, what: string, { day, id }: FindingPlace = {}): void {
    const listed = this.#listed.get(code) ?? [];
    this.#listed.set(code, listed);
    if (listed.length >= listedMax) {
      this.addMore(code, 1);
      return;
    }
    const place = `segment ${this.#segment}${day === undefined ? "" : `, ${day}`}`;
    const finding = { code, text: `${place}: ${what}`, segment: this.#segment };
    listed.push({ ...finding, ...(day === undefined ? {} : { day }), ...(id === undefined ? {} : { id }) });
  }

  /** Counts some that are not listed. */
  addMore(code: string, count: number): void {
    this.#more.set(code, (this.#more.get(code) ?? 0) + count);
  }

  /** In the order in which the codes were met. */
  list(): VerifyFinding[] {
    return Array.from(this.#listed, ([code, listed]) => {
      const more = this.#more.get(code) ?? 0;
      const last = listed.at(-1);
      if (more === 0 || last === undefined) return listed;
      return [...listed.slice(0, -1), { ...last, more, text: `${last.text}; and ${more} more` }];
    }).flat();
  }
}
