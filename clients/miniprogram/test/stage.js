/** Components and pages rendered as WeChat's simulator does, with WeChat's own WXML compiler, on a phone of ours. */
const path = require("path");
const { JSDOM } = require("jsdom");
const { Phone, house, SETTINGS } = require("./phone");

const { window } = new JSDOM("<!doctype html><body></body>");
Object.assign(global, { window, document: window.document, Event: window.Event, CustomEvent: window.CustomEvent });

const simulate = require("miniprogram-simulate");
const { make } = require("../.built/house");

const ROOT = path.join(__dirname, "../.built");
const loaded = new Map();

function render(name, properties) {
  if (!loaded.has(name)) loaded.set(name, simulate.load(path.join(ROOT, name), { rootPath: ROOT, compiler: "official" }));
  const component = simulate.render(loaded.get(name), properties);
  component.attach(document.body.appendChild(document.createElement("div")));
  return component;
}

/** A page as it is after WeChat has opened it: {phone, page, house}. */
async function open(name, answer, { query = {}, before = () => undefined } = {}) {
  const phone = new Phone(house(answer));
  Object.assign(global.wx, phone.wx());
  before(phone);
  const made = make(SETTINGS);
  made.client.pauses = [];
  global.getApp = () => ({ house: made });
  const page = render(`pages/${name}/${name}`);
  page.instance.onLoad?.(query);
  await page.instance.onShow();
  await settled();
  return { phone, page, house: made };
}

/** Everything that was begun has come to its end. */
async function settled() {
  for (let turn = 0; turn < 20; turn++) await simulate.sleep(0);
}

/** Taps what a class names, the nth of them, in the page or in a component of it. */
async function tap(page, selector, number = 0) {
  const found = deep(page, selector)[number];
  if (found === undefined) throw new Error(`there is no ${selector} to tap`);
  found.dispatchEvent("tap");
  await settled();
}

/** What a class names, in the page and in the components in it. */
function deep(component, selector) {
  const within = component.querySelectorAll(".part");
  return [...component.querySelectorAll(selector), ...within.flatMap((one) => one.querySelectorAll(selector))];
}

const text = (component) => component.dom.textContent.replace(/\s+/g, " ").trim();

module.exports = { deep, open, render, settled, tap, text };
