import { after, before, test } from "node:test";
import { Random } from "../crash/random.ts";
import { Bed } from "./bed.ts";
import { checkReport } from "./check.ts";
import { cleanStates } from "./clean.ts";
import { injections, Stock } from "./injections.ts";

/** How many of each; `npm run test:inject` takes more. */
const count = Number(process.env["INJECTIONS"] ?? 50);
const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 1e6));

let bed: Bed;
let stock: Stock;
before(async () => {
  bed = await Bed.open();
  stock = new Stock(bed);
});
after(async () => {
  await bed[Symbol.asyncDispose]();
});

test(`${count} injections: exactly what was injected is found`, async () => {
  const random = new Random(seed);
  for (let i = 0; i < count; i += 1) {
    const injection = injections[i % injections.length] ?? random.pick(injections);
    const injected = await injection.inject(stock, random);
    const report = await injected.scene.look(injected.limits);
    checkReport(report, injected, `${injection.name} (number ${i}, SEED=${seed})`);
  }
});

test(`${count} clean states: nothing is found`, async () => {
  const random = new Random(seed);
  for (let i = 0; i < count; i += 1) {
    const state = cleanStates[i % cleanStates.length] ?? random.pick(cleanStates);
    const { scene, limits } = await state.make(stock, random);
    checkReport(await scene.look(limits), { scene, gaps: [] }, `${state.name} (number ${i}, SEED=${seed})`);
  }
});
