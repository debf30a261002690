// What the pages that edgewise works with have in common.

const status = document.getElementById("status");

export const show = (text) => (status.textContent = text);

// The response arrives after edgewise has processed the events, so that it does not compute while we measure.
export async function post(...events) {
  const answer = await fetch("events", { method: "POST", body: JSON.stringify(events) }).catch(() => null);
  if (!answer?.ok) throw new Error("edgewise has exited");
}

export async function fail(error) {
  show(`Failed: ${error}`);
  await post({ event: "error", message: String(error) }).catch(() => {});
}

async function browser() {
  const brands = (await navigator.userAgentData?.getHighEntropyValues(["fullVersionList"]))?.fullVersionList;
  const known = brands?.find(({ brand }) => /Chrom(e|ium)|Edge|Opera/.test(brand));
  return known ? `${known.brand} ${known.version}` : navigator.userAgent;
}

export const machine = async () => ({
  event: "machine",
  software: await browser(),
  isolated: crossOriginIsolated,
  processors: navigator.hardwareConcurrency,
});

// Opens the model of `plan` in a frame of its own; see `contender.js`.
export async function open(plan) {
  show(`Opening ${plan.title} …`);
  const frame = document.createElement("iframe");
  const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
  frame.src = "contender.html";
  document.body.append(frame);
  await loaded;
  frame.contentWindow.addEventListener("error", (event) => fail(`${plan.title}: ${event.message}`));
  return frame.contentWindow.openContender(plan);
}

// Runs the page, and tells edgewise if it fails.
export function start(run) {
  addEventListener("unhandledrejection", ({ reason }) => fail(reason));
  run().catch(fail);
}
