// `Preprocess` of models/spec.py, bit for bit: Pillow's resize, crop of the centre, normalisation.
//
// Browsers resize otherwise, each in its own way. Pillow's arithmetic for 8 bits is fixed point with 22 bits, so
// that integers give its bytes exactly; android_demo/core has the same in Kotlin.

const BITS = 22;
const ONE = 2 ** BITS;
const HALF = 2 ** (BITS - 1);
// Pillow's constants are float32.
const HAMMING = [Math.fround(0.54), Math.fround(0.46)];

const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

function keys(x) {
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
}

// The reach of each filter on either side in pixels, and the weight of a pixel at a distance.
const FILTERS = {
  box: [0.5, (d) => (d > -0.5 && d <= 0.5 ? 1 : 0)],
  bilinear: [1, (d) => Math.max(0, 1 - Math.abs(d))],
  hamming: [1, (d) => (Math.abs(d) < 1 ? sinc(d) * (HAMMING[0] + HAMMING[1] * Math.cos(d * Math.PI)) : 0)],
  bicubic: [2, (d) => keys(Math.abs(d))],
  lanczos: [3, (d) => (Math.abs(d) < 3 ? sinc(d) * sinc(d / 3) : 0)],
};

// For each of `size` pixels from `corner` on, of a line resized from `from` to `to`: the first source pixel and
// the weights.
function kernel(from, to, corner, size, filter) {
  const scale = from / to;
  if (filter === "nearest") {
    // Pillow adds up the places one after the other, which rounds otherwise than a product.
    let centre = scale * 0.5;
    const firsts = Array.from({ length: corner + size }, () => {
      const first = Math.min(Math.trunc(centre), from - 1);
      centre += scale;
      return first;
    });
    return firsts.slice(corner).map((first) => ({ first, weights: [ONE] }));
  }
  const widening = Math.max(scale, 1); // a pixel of a smaller picture covers several
  const [reach, weight] = FILTERS[filter];
  return Array.from({ length: size }, (_, place) => {
    const centre = (corner + place + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - reach * widening + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach * widening + 0.5), from);
    const exact = [];
    for (let pixel = first; pixel < end; pixel++) exact.push(weight((pixel - centre + 0.5) * (1 / widening)));
    const sum = exact.reduce((total, value) => total + value, 0);
    return { first, weights: exact.map((value) => fixed(value / sum)) };
  });
}

const fixed = (weight) => Math.trunc(weight * ONE + (weight < 0 ? -0.5 : 0.5));

const byte = (sum) => Math.min(Math.max(sum >> BITS, 0), 255);

// Python rounds halves to the even number.
function rounded(half) {
  const down = Math.floor(half);
  return half - down === 0.5 ? down + (down % 2) : Math.round(half);
}

function scaled({ resize }, width, height) {
  if (Array.isArray(resize)) return [resize[1], resize[0]];
  const short = Math.min(width, height);
  return [Math.floor((resize * width) / short), Math.floor((resize * height) / short)];
}

const both = (size) => (Array.isArray(size) ? size : [size, size]);

// The bytes that `Preprocess.crop` cuts out of a picture, (height, width, channels), from RGBA of any size.
export function crop(preprocess, { data, width, height }) {
  const channels = preprocess.mean.length;
  const [high, wide] = both(preprocess.size);
  const [acrossTo, downTo] = scaled(preprocess, width, height);
  const place = (side, kept) => rounded((side - kept) / 2);
  const columns = kernel(width, acrossTo, place(acrossTo, wide), wide, preprocess.interpolation);
  const rows = kernel(height, downTo, place(downTo, high), high, preprocess.interpolation);
  const pixels = channels === 1 ? levels(data) : data;
  const step = channels === 1 ? 1 : 4;
  const begin = rows[0].first;
  const end = rows.at(-1).first + rows.at(-1).weights.length;
  const between = new Uint8Array((end - begin) * wide * channels);
  let out = 0;
  for (let row = begin; row < end; row++) {
    for (const { first, weights } of columns) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = HALF;
        let index = (row * width + first) * step + channel;
        for (const weight of weights) {
          sum += pixels[index] * weight;
          index += step;
        }
        between[out++] = byte(sum);
      }
    }
  }
  const made = new Uint8Array(high * wide * channels);
  const line = wide * channels;
  out = 0;
  for (const { first, weights } of rows) {
    for (let column = 0; column < line; column++) {
      let sum = HALF;
      let index = (first - begin) * line + column;
      for (const weight of weights) {
        sum += between[index] * weight;
        index += line;
      }
      made[out++] = byte(sum);
    }
  }
  return made;
}

// Pillow's grey levels (ITU-R 601-2 luma), in fixed point with 16 bits.
function levels(data) {
  const found = new Uint8Array(data.length / 4);
  for (let place = 0, index = 0; place < found.length; place++, index += 4) {
    found[place] = (data[index] * 19595 + data[index + 1] * 38470 + data[index + 2] * 7471 + 0x8000) >> 16;
  }
  return found;
}

// The network's input from these bytes, each operation rounded to float32; channels first where it wants that.
export function normalise({ mean, std }, bytes, channelsFirst) {
  const channels = mean.length;
  const table = mean.map((middle, channel) =>
    Float32Array.from({ length: 256 }, (_, value) => {
      const centred = Math.fround(Math.fround(value / 255) - Math.fround(middle));
      return Math.fround(centred / Math.fround(std[channel]));
    }),
  );
  const count = bytes.length / channels;
  const made = new Float32Array(bytes.length);
  for (let place = 0; place < count; place++) {
    for (let channel = 0; channel < channels; channel++) {
      const value = table[channel][bytes[place * channels + channel]];
      made[channelsFirst ? channel * count + place : place * channels + channel] = value;
    }
  }
  return made;
}
