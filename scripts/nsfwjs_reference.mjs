// What nsfwjs itself answers, for tests/safety/test_nsfwjs.py.
//
//     npm install --prefix FOLDER nsfwjs@4.4.0 @tensorflow/tfjs@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0
//     node scripts/nsfwjs_reference.mjs FOLDER [MODEL] < PICTURES > ANSWERS
//
// PICTURES are pictures one after the other: height and width (32 bits, little endian), then RGB of 8 bits.
// ANSWERS are lines of JSON: the probability of each class, Drawing, Hentai, Neutral, Porn, Sexy. Resizing
// and scaling are nsfwjs's own. MODEL is MobileNetV2Mid or InceptionV3.

import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const require = createRequire(path.resolve(process.argv[2], "node_modules", "x.js"));
const tf = require("@tensorflow/tfjs");
require("@tensorflow/tfjs-backend-wasm");
const nsfwjs = require("nsfwjs/core");
console.info = () => {};

const MODULES = { MobileNetV2Mid: "mobilenet_v2_mid", InceptionV3: "inception_v3" };
const name = process.argv[3] ?? "MobileNetV2Mid";
const definition = Object.values(require(`nsfwjs/models/${MODULES[name]}`)).find((each) => each?.name === name);

await tf.setBackend("wasm");
const model = await nsfwjs.load(name, { modelDefinitions: [definition] });
const data = fs.readFileSync(0);
for (let at = 0; at < data.length; ) {
  const [height, width] = [data.readUInt32LE(at), data.readUInt32LE(at + 4)];
  const bytes = data.subarray(at + 8, (at += 8 + height * width * 3));
  const picture = tf.tensor3d(new Uint8Array(bytes), [height, width, 3], "int32");
  const answer = model.infer(picture);
  console.log(JSON.stringify(Array.from(await answer.data())));
  tf.dispose([picture, answer]);
}
