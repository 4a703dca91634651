// Preloaded into a program (NODE_OPTIONS=--import): its clock runs on from the instant that CLOCK_START names.
const startMs = Date.parse(process.env.CLOCK_START ?? "");
if (Number.isNaN(startMs)) throw new Error("CLOCK_START is no instant");
const RealDate = Date;
const offsetMs = startMs - RealDate.now();

globalThis.Date = class extends RealDate {
  constructor(...words) {
    if (words.length === 0) super(RealDate.now() + offsetMs);
    else super(...words);
  }

  static now() {
    return RealDate.now() + offsetMs;
  }
};
