import assert from "node:assert/strict";
import { Script } from "node:vm";
import { z } from "zod";

const seriesShape = z.object({
  name: z.string(),
  threshold: z.number(),
  bars: z.array(z.array(z.number()).length(8)),
});
export type PageSeries = z.infer<typeof seriesShape>;

/** What a browser would fetch for a page: attributes of elements, styles, and calls in its scripts. */
function loadsOf(html: string): string[] {
  const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map((match) => match[1] ?? "");
  const markup = html.replace(/<script>.*?<\/script>/gs, "");
  const attributes = [...markup.matchAll(/<(\w+)[^>]*\s(?:src|srcset|href|data|action|poster)\s*=\s*("[^"]*"|\S+)/g)]
    // A link that a person may click loads nothing.
    .filter(([, element]) => element !== "a")
    .map(([whole]) => whole);
  const elements = [...markup.matchAll(/<(?:link|iframe|object|embed|base)\b[^>]*>|<script\s[^>]*>/g)].map(
    ([whole]) => whole,
  );
  const styles = [...markup.matchAll(/@import\b[^;]*|url\([^)]*\)/g)].map(([whole]) => whole);
  const called = /\bfetch\s*\(|XMLHttpRequest|\bimport\s*\(|\bWebSocket\b|EventSource|sendBeacon|importScripts/g;
  const calls = scripts.flatMap((script) => [...script.matchAll(called)].map(([whole]) => whole));
  // The library (the first script) can put a picture behind a chart; the page gives it none.
  const pictures = scripts.slice(1).flatMap((script) => script.match(/\.src\s*=|\bImage\b|[wW]atermark/g) ?? []);
  return [...attributes, ...elements, ...styles, ...calls, ...pictures];
}

/** Fails where a page would load anything, or where its scripts are no JavaScript; returns the data inside. */
export function readSelfContained(html: string): PageSeries[] {
  assert.match(html, /^<!doctype html>\n/);
  assert.deepEqual(loadsOf(html), []);
  const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map((match) => match[1] ?? "");
  assert.equal(scripts.length, 2, "the library, then the data with the page's own script");
  for (const script of scripts) assert.ok(new Script(script));
  assert.match(scripts[0] ?? "", /LightweightCharts/);
  const data = /const allSeries = (.*);\n/.exec(scripts[1] ?? "")?.[1];
  assert.ok(data !== undefined, "the page has no data");
  return z.array(seriesShape).parse(JSON.parse(data.replaceAll(String.raw`<\/`, "</")));
}
