// Measures the models of request.json interleaved, and posts every event immediately.
//
// performance.now() has steps of 5 µs on this page, which is cross-origin isolated, and of 100 µs on others. The
// rounds are explained in `runtime/bench/runner.py`.

import { machine, open, post, show, start } from "./page.js";

const BLOCK_MS = 200;
const SETTLE_MS = 60;

async function opened(plan, contender) {
  const { time, answer, output, ...told } = await open(plan);
  await post({ event: "opened", contender, ...told }, { event: "output", contender, output });
  return time;
}

// The times of at least `least` inferences, for at least `ms`.
async function until(time, least, ms) {
  const times = [];
  const end = performance.now() + ms;
  while (times.length < least || performance.now() < end) times.push(await time());
  return times;
}

async function measure(times, length, { runs, seconds, threads }) {
  const settle = threads > 1 && times.length > 1 ? SETTLE_MS : 0;
  const spent = times.map(() => 0);
  const turns = [...times.entries()];
  for (let count = 0; count < runs || Math.min(...spent) < 1000 * seconds; count += length) {
    const events = [];
    for (const [contender, time] of turns) {
      await until(time, 1, settle);
      const ms = await until(time, length, 0);
      spent[contender] += ms.reduce((sum, value) => sum + value, 0);
      events.push({ event: "samples", contender, ms });
    }
    await post(...events);
    turns.reverse();
    show(`${count + length} inferences of each model`);
  }
}

async function run() {
  const request = await (await fetch("request.json")).json();
  await post(await machine());
  const times = [];
  for (const [contender, plan] of request.plans.entries()) times.push(await opened(plan, contender));
  let slowest = 0;
  for (const [contender, time] of times.entries()) {
    const spent = await until(time, request.warm_ups, 1000 * request.warm_up_seconds);
    await post({ event: "warm", contender, warm_ups: spent.length });
    slowest = Math.max(slowest, spent.sort((a, b) => a - b)[spent.length >> 1]);
  }
  await post({ event: "before" });
  await measure(times, Math.max(1, Math.floor(BLOCK_MS / slowest)), request);
  await post({ event: "after" });
  await post(...times.map((_, contender) => ({ event: "closed", contender, peak_rss_bytes: null })));
  await post({ event: "done" });
  show("Done; you may close this tab.");
}

start(run);
