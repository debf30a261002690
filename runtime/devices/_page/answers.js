// Answers the pictures that edgewise prepared, batch after batch.
//
// Each post is answered when the next batch is there; an empty one is the end.

import { machine, open, post, show, start } from "./page.js";

async function run() {
  const plan = await (await fetch("answers.json")).json();
  await post(await machine());
  const { answer, delegate } = await open(plan);
  await post({ event: "ready", delegate });
  const bytes = 4 * plan.size;
  for (let number = 0, answered = 0; ; number++) {
    const batch = await (await fetch(`batch/${number}`)).arrayBuffer();
    if (!batch.byteLength) break;
    const logits = [];
    for (let from = 0; from < batch.byteLength; from += bytes) {
      logits.push((await answer(batch.slice(from, from + bytes))).logits);
    }
    answered += logits.length;
    show(`${answered} pictures`);
    await post({ event: "answers", logits });
  }
  show("Done; you may close this tab.");
  await post({ event: "done" });
}

start(run);
