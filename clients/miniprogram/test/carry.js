/** Lays what is no TypeScript beside what the compiler made of it, as WeChat's tools do. */
const fs = require("fs");
const path = require("path");

const from = path.join(__dirname, "../miniprogram");
const to = path.join(__dirname, "../.built");

for (const name of fs.readdirSync(from, { recursive: true })) {
  if (/\.(json|wxml|wxss)$/.test(name)) fs.copyFileSync(path.join(from, name), path.join(to, name));
}
