/** Nothing is untranslated, misspelt or without its other half: what no compiler sees of pages. */
const assert = require("node:assert/strict");
const fs = require("fs");
const path = require("path");
const { test } = require("node:test");
const { zh } = require("../.built/words/zh");
const { en } = require("../.built/words/en");

const ROOT = path.join(__dirname, "../miniprogram");
const files = fs.readdirSync(ROOT, { recursive: true }).map(String);
const read = (name) => fs.readFileSync(path.join(ROOT, name), "utf8");
const CHINESE = /[\u4e00-\u9fff]/;

const paths = (table, before = "") =>
  Object.entries(table).flatMap(([name, value]) =>
    typeof value === "string" ? [[before + name, value]] : paths(value, `${before}${name}.`),
  );

test("both languages have the same words, with the same places to fill", () => {
  const [ours, theirs] = [Object.fromEntries(paths(zh)), Object.fromEntries(paths(en))];
  assert.deepEqual(Object.keys(theirs).sort(), Object.keys(ours).sort());
  for (const [name, value] of Object.entries(ours)) {
    const places = (text) => (text.match(/\{\w+\}/g) ?? []).sort();
    assert.deepEqual(places(theirs[name]), places(value), name);
    if (name !== "more.language") assert.doesNotMatch(theirs[name], CHINESE, name);
  }
});

test("no page has words of its own", () => {
  for (const name of files.filter((one) => one.endsWith(".wxml"))) {
    const left = read(name).replace(/\{\{.*?\}\}/g, "").replace(/<[^>]*>/g, "");
    assert.doesNotMatch(left, /[^\s()·:⌫]/, name);
  }
  for (const name of files.filter((one) => one.endsWith(".ts") && !one.endsWith("zh.ts") && !one.endsWith("en.ts"))) {
    assert.doesNotMatch(read(name), CHINESE, name);
  }
});

test("every word that a page shows is in the table", () => {
  const known = new Set(paths(zh).flatMap(([name]) => name.split(".").map((_, n, parts) => parts.slice(0, n + 1).join("."))));
  for (const name of files.filter((one) => one.endsWith(".wxml"))) {
    for (const [, word] of read(name).matchAll(/\bw\.([\w.]+)/g)) assert.ok(known.has(word), `${name}: w.${word}`);
  }
});

test("every tap has somebody who hears it", () => {
  for (const name of files.filter((one) => one.endsWith(".wxml"))) {
    const script = read(name.replace(/wxml$/, "ts"));
    for (const [, given] of read(name).matchAll(/\bbind:?\w+="([^"]+)"/g)) {
      for (const [method] of given.replace(/\{\{|\}\}/g, "").matchAll(given.includes("{{") ? /(?<=')\w+(?=')/g : /\w+/g)) {
        assert.match(script, new RegExp(`^    (async )?${method}\\(`, "m"), `${name}: ${method}`);
      }
    }
  }
});

test("every page and component has its four files, and the pages are those of app.json", () => {
  const made = files.filter((one) => /^(pages|components)\/(\w+)\/\2\.ts$/.test(one)).map((one) => one.replace(/\.ts$/, ""));
  for (const one of made) for (const end of ["json", "wxml", "wxss"]) assert.ok(files.includes(`${one}.${end}`), `${one}.${end}`);
  const pages = JSON.parse(read("app.json")).pages;
  assert.deepEqual([...pages].sort(), made.filter((one) => one.startsWith("pages/")).sort());
  for (const [, url] of files.filter((one) => one.endsWith(".ts")).flatMap((one) => [...read(one).matchAll(/[`"]\/(pages\/\w+\/\w+)\?/g)])) {
    assert.ok(pages.includes(url), url);
  }
});

test("in elder mode text is 18 px at least and what is tapped 60 px high", () => {
  const [, elder] = /\.elder \{([^}]*)\}/.exec(read("app.wxss"));
  const sizes = Object.fromEntries([...elder.matchAll(/--(\w+): (\d+)px/g)].map(([, name, size]) => [name, Number(size)]));
  for (const name of ["text", "small", "large"]) assert.ok(sizes[name] >= 18, name);
  assert.ok(sizes.tap >= 60);
  for (const name of files.filter((one) => one.endsWith(".wxss"))) {
    for (const [, size] of read(name).matchAll(/font-size: (\d+)px/g)) assert.ok(Number(size) >= 18, `${name}: ${size}px`);
  }
});
