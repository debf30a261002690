// One model in its engine, in a separate frame: models share neither memory nor threads.

// What engines print: only there does LiteRT report that it uses XNNPACK, or why a model fails.
const said = [];
for (const level of ["log", "info", "warn", "error"]) {
  const original = console[level];
  console[level] = (...words) => {
    said.push(words.join(" "));
    original.apply(console, words);
  };
}

// Each loader returns a function that opens a model. `take` then gives it another input, `infer` returns a
// result, `read` converts it to numbers, and `free` releases its memory.

async function loadLiteRt(threads) {
  const litert = await import("./@litertjs/core/dist/index.js");
  await litert.loadLiteRt("./@litertjs/core/wasm/", { threads: threads > 1 });
  return async (bytes, input, shape) => {
    const options = { accelerator: "wasm", cpuOptions: { numThreads: threads } };
    const model = await litert.loadAndCompile(bytes, options);
    let picture = new litert.Tensor(input, shape);
    return {
      take: (next) => {
        picture.delete();
        picture = new litert.Tensor(next, shape);
      },
      infer: () => model.run([picture]),
      read: ([logits]) => logits.data(),
      free: (results) => results.forEach((result) => result.delete()),
      delegate: said.some((line) => line.includes("XNNPACK delegate")) ? "XNNPACK" : null,
    };
  };
}

// ONNX Runtime Web copies input and output between JavaScript and WebAssembly for every inference and has no
// I/O binding for the CPU: those microseconds are part of its time.
async function loadOnnxRuntime(threads) {
  const ort = await import("./onnxruntime-web/dist/ort.wasm.bundle.min.mjs");
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = new URL("./onnxruntime-web/dist/", location.href).href;
  const options = { executionProviders: ["wasm"] };
  // It loads its WebAssembly only with the first model, so open an invalid one.
  await ort.InferenceSession.create(new Uint8Array(1), options).catch(() => {});
  return async (bytes, input, shape) => {
    const session = await ort.InferenceSession.create(bytes, options);
    const feeds = { [session.inputNames[0]]: new ort.Tensor("float32", input, shape) };
    return {
      take: (next) => (feeds[session.inputNames[0]] = new ort.Tensor("float32", next, shape)),
      infer: () => session.run(feeds),
      read: (results) => results[session.outputNames[0]].getData(),
      free: () => {},
      delegate: "wasm",
    };
  };
}

const ENGINES = { tflite: loadLiteRt, onnx: loadOnnxRuntime };

async function bytesOf(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return new Uint8Array(await answer.arrayBuffer());
}

// Whole microseconds: smaller digits are rounding noise.
const elapsed = (start, end) => Math.round(1000 * (end - start)) / 1000;

async function open(plan) {
  const bytes = await bytesOf(plan.model);
  const input = new Float32Array((await bytesOf(plan.input)).buffer);
  const openModel = await ENGINES[plan.target](plan.threads);
  const start = performance.now();
  const { take, infer, read, free, delegate } = await openModel(bytes, input, plan.shape);
  const opened = performance.now();
  const result = await infer();
  const first = performance.now();
  const output = Array.from(await read(result));
  free(result);
  const time = async () => {
    const begin = performance.now();
    const answer = await infer();
    const end = performance.now();
    free(answer);
    return elapsed(begin, end);
  };
  const answer = async (next) => {
    take(new Float32Array(next)); // engines do not know arrays of other frames
    const begin = performance.now();
    const found = await infer();
    const end = performance.now();
    const logits = Array.from(await read(found));
    free(found);
    return { logits, ms: elapsed(begin, end) };
  };
  return { time, answer, output, delegate, load_ms: elapsed(start, opened), first_ms: elapsed(opened, first) };
}

// Opens the model of `plan`; `time` then runs one inference and returns its milliseconds, `answer` one of
// another input and returns its logits too.
window.openContender = (plan) =>
  open(plan).catch((error) => {
    const errors = said.filter((line) => line.startsWith("ERROR"));
    throw [`${plan.title}: ${error.message ?? error}`, ...errors.slice(-2)].join("; ");
  });
