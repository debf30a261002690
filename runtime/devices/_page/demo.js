// Classifies pictures with the models of demo.json, each in a frame of its own, as `contender.js` opens it.

import { crop, normalise } from "./pixels.js";

const TOP = 5;
const REPEATS = 5; // inferences of a picture; the median is shown

const at = (id) => document.getElementById(id);
const models = [];

// The response arrives after edgewise has processed the event.
async function post(event) {
  const answer = await fetch("events", { method: "POST", body: JSON.stringify([event]) }).catch(() => null);
  if (!answer?.ok) throw new Error("edgewise has exited; start it again");
}

async function bytesOf(name) {
  const answer = await fetch(name);
  if (!answer.ok) throw new Error(`${name}: ${answer.status}`);
  return answer.arrayBuffer();
}

function element(name, text, properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  if (text !== undefined) made.textContent = text;
  return made;
}

function fail(error) {
  at("failure").textContent = `Failed: ${error.message ?? error}`;
  at("failure").hidden = false;
  at("status").textContent = "";
}

async function open(plan) {
  at("status").textContent = `Opening ${plan.title} …`;
  const frame = element("iframe", undefined, { src: "contender.html", title: plan.title });
  frame.setAttribute("aria-hidden", "true");
  frame.tabIndex = -1;
  const loaded = new Promise((resolve) => frame.addEventListener("load", resolve));
  document.body.append(frame);
  await loaded;
  const { answer } = await frame.contentWindow.openContender(plan);
  const box = at("answers").appendChild(element("article", undefined, { className: "answer" }));
  box.append(element("h2", plan.title), element("p", "No picture yet.", { className: "muted" }), element("ol"));
  return { plan, answer, box };
}

// Softmax; a single logit is that of the second of two classes.
function probabilities(given) {
  const logits = given.length === 1 ? [0, given[0]] : given;
  const most = logits.reduce((a, b) => Math.max(a, b));
  const powers = logits.map((logit) => Math.exp(logit - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((power) => power / sum);
}

const percent = (share) => `${(100 * share).toFixed(2)} %`;

// The picture as RGBA, upright, in the values of its file: as edgewise does, without a colour profile. `alpha` is
// dropped by both, but browsers forget the colour of what is wholly transparent.
async function pixelsOf(source) {
  const options = { imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion: "none" };
  const bitmap = await createImageBitmap(source, options);
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

function show(preprocess, bytes, name) {
  const [height, width] = Array.isArray(preprocess.size) ? preprocess.size : [preprocess.size, preprocess.size];
  const channels = preprocess.mean.length;
  const image = new ImageData(width, height);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      image.data[4 * pixel + channel] = bytes[channels * pixel + (channels === 1 ? 0 : channel)];
    }
    image.data[4 * pixel + 3] = 255;
  }
  Object.assign(at("seen"), { width, height });
  at("seen").getContext("2d").putImageData(image, 0, 0);
  at("seen").setAttribute("aria-label", `What the model gets of ${name}`);
}

// Every model's answer to a picture; `repeats` is how often each runs.
async function classify(pixels, name, repeats) {
  const said = [];
  for (const { plan, answer, box } of models) {
    const bytes = crop(plan.preprocess, pixels);
    if (plan === models[0].plan) show(plan.preprocess, bytes, name);
    const input = normalise(plan.preprocess, bytes, plan.channels_first);
    const times = [];
    let logits;
    for (let run = 0; run < repeats; run++) {
      const found = await answer(input);
      times.push(found.ms);
      ({ logits } = found);
    }
    const shares = probabilities(logits);
    // Ties go to the first class, as in edgewise.
    const best = [...shares.keys()].sort((a, b) => shares[b] - shares[a] || a - b).slice(0, TOP);
    const median = times.sort((a, b) => a - b)[times.length >> 1];
    const [, time, list] = box.children;
    time.textContent = `${median.toFixed(2)} ms${repeats > 1 ? `, median of ${repeats}` : ""}`;
    list.replaceChildren(...best.map((index) => row(plan.labels[index], shares[index])));
    said.push(`${plan.title}: ${plan.labels[best[0]]}, ${percent(shares[best[0]])}`);
  }
  return said.join("; ");
}

function row(label, share) {
  const line = element("li");
  const bar = element("meter", undefined, { max: 1, value: share });
  bar.setAttribute("aria-hidden", "true"); // the number says it
  line.append(element("span", label), element("span", percent(share)), bar);
  return line;
}

async function still(source, name) {
  at("failure").hidden = true;
  at("status").textContent = `Classifying ${name} …`;
  const pixels = await pixelsOf(source).catch(() => {
    throw new Error(`${name} is no picture that this browser can decode; save it as JPEG or PNG`);
  });
  at("status").textContent = `${name}: ${await classify(pixels, name, REPEATS)}`;
}

// The golden picture through this page's preprocessing and each model, judged by edgewise.
async function check(place, { plan, answer }) {
  const pixels = await pixelsOf(new Blob([await bytesOf(plan.image)]));
  const input = normalise(plan.preprocess, crop(plan.preprocess, pixels), plan.channels_first);
  const expected = new Float32Array(await bytesOf(plan.input));
  const worst = input.reduce((most, value, index) => Math.max(most, Math.abs(value - expected[index])), 0);
  const { logits } = await answer(expected);
  await post({ event: "golden", contender: place, output: logits, prepared: worst });
  const { passed, told } = await (await fetch(`judged/${place}`)).json();
  const line = at("checks").appendChild(element("tr"));
  line.append(
    element("th", plan.title, { scope: "row" }),
    element("td", worst === 0 ? "equal in every bit" : `differs by up to ${worst.toPrecision(2)}`, {
      className: worst === 0 ? "good" : "bad",
    }),
    element("td", told, { className: passed ? "good" : "bad" }),
  );
}

let camera = null;

function stopCamera() {
  for (const track of camera?.getTracks() ?? []) track.stop();
  camera = null;
  at("video").hidden = true;
  at("camera").setAttribute("aria-pressed", "false");
}

async function startCamera() {
  const wanted = { video: { facingMode: "environment" } };
  camera = await navigator.mediaDevices.getUserMedia(wanted).catch((error) => {
    throw new Error(`the camera cannot be used (${error.name}); allow it in the browser, or choose a picture`);
  });
  at("failure").hidden = true;
  at("camera").disabled = false;
  at("camera").setAttribute("aria-pressed", "true");
  at("video").hidden = false;
  at("video").srcObject = camera;
  await at("video").play();
  at("status").textContent = "The camera is on; answers follow what it sees.";
  while (camera) {
    await classify(await pixelsOf(at("video")), "the camera", 1);
    await new Promise(requestAnimationFrame);
  }
}

let working = Promise.resolve(); // one picture at a time, in the order in which they were chosen

function then(work) {
  stopCamera();
  working = working.then(work).catch(fail);
}

function listen() {
  const chosen = (files) => files[0] && then(() => still(files[0], files[0].name));
  at("file").addEventListener("change", () => chosen(at("file").files));
  for (const kind of ["dragover", "dragleave", "drop"]) {
    addEventListener(kind, (event) => {
      event.preventDefault();
      at("drop").classList.toggle("over", kind === "dragover");
      if (kind === "drop") chosen(event.dataTransfer.files);
    });
  }
  at("golden").addEventListener("click", () =>
    then(async () => still(new Blob([await bytesOf(models[0].plan.image)]), "the golden sample")),
  );
  at("camera").addEventListener("click", () => {
    if (camera) {
      stopCamera();
      at("status").textContent = "The camera is off.";
    } else {
      at("camera").disabled = true; // until it is there
      then(() => startCamera().finally(() => (at("camera").disabled = false)));
    }
  });
}

async function run() {
  const { title, plans } = await (await fetch("demo.json")).json();
  at("title").textContent = document.title = title;
  for (const plan of plans) models.push(await open(plan));
  for (const [place, model] of models.entries()) await check(place, model);
  listen();
  at("input").hidden = false;
  at("status").textContent = "Ready: choose a picture.";
  await post({ event: "ready" });
}

run().catch(async (error) => {
  fail(error);
  await post({ event: "error", message: String(error.message ?? error) }).catch(() => {});
});
