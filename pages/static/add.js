// A reading by hand. It has an id from here, so that sending it again stores nothing twice; unsent ones wait in a store
// of this phone, sealed by a key that no script can take out (see unsent.js).

import { ask } from "./api.js";
import * as unsent from "./unsent.js";

const root = document.getElementById("add");
const forms = JSON.parse(root.dataset.forms);
const words = JSON.parse(root.dataset.words);
const select = document.getElementById("metric");
const fields = document.getElementById("fields");
const said = document.getElementById("said");
const when = document.getElementById("when");
let form;
let typed = {};
let at = "";
const whose = document.querySelector("meta[name=who]").content;

function choose(metric) {
  form = forms.find((one) => one.metric === metric) ?? forms[0];
  typed = Object.fromEntries(form.parts.map((part) => [part.key, ""]));
  at = form.parts[0].key;
  document.getElementById("meal").hidden = !form.has_meal;
  when.value = "";
  show();
}

function show() {
  fields.replaceChildren(
    ...form.parts.map((part) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", String(part.key === at));
      const name = Object.assign(document.createElement("span"), { textContent: part.name });
      const value = Object.assign(document.createElement("strong"), { textContent: typed[part.key] || " " });
      const unit = Object.assign(document.createElement("small"), { textContent: part.unit });
      button.append(name, value, unit);
      if (limits(part)) button.classList.add("wrong"), button.setAttribute("aria-describedby", "said");
      button.addEventListener("click", () => {
        at = part.key;
        show();
      });
      return button;
    }),
  );
}

const number = (value) => value.toLocaleString(words.locale);

// What can't be, at the field: the reason in words, or nothing.
function limits(part) {
  const value = Number(typed[part.key]);
  if (!typed[part.key] || part.low === null) return "";
  return value < part.low || value > part.high ? `${part.name}: ${words.between.replace("LOW", number(part.low)).replace("HIGH", number(part.high))} ${part.unit}` : "";
}

function wrong() {
  const fault = form.parts.map(limits).find(Boolean);
  if (fault) return fault;
  const { systolic, diastolic } = typed;
  if (systolic && diastolic && Number(diastolic) >= Number(systolic)) return words.upside;
  return when.value && new Date(when.value) > Date.now() + 10 * 60e3 ? words.future : "";
}

const isUnusual = (value) => form.parts.some((part) => {
  const one = part.key ? value[part.key] : value;
  return one !== undefined && part.usual && (one < part.usual[0] || one > part.usual[1]);
});

function press(key) {
  const before = typed[at];
  if (key === "back") typed[at] = before.slice(0, -1);
  else if (key === "." && (before.includes(".") || !form.decimals)) return;
  else if (before.length < 6) typed[at] = before + key;
  // Three figures of a pressure are all there are: on to the next field.
  const index = form.parts.findIndex((part) => part.key === at);
  const isFull = !form.decimals && (typed[at].length === 3 || (typed[at].length === 2 && Number(typed[at]) >= 31));
  const isOn = key !== "back" && isFull && form.parts[index + 1];
  const fault = isFull || isOn || key === "back" ? limits(form.parts[index]) : "";
  if (isOn && !fault) at = form.parts[index + 1].key;
  say(fault, Boolean(fault));
  show();
}

function reading() {
  const value = form.parts.length > 1 ? {} : Number(typed[form.parts[0].key]);
  for (const part of form.parts) {
    if (!typed[part.key] && part.required) return null;
    if (form.parts.length > 1 && typed[part.key]) value[part.key] = Number(typed[part.key]);
  }
  const moment = when.value ? new Date(when.value) : new Date();
  const found = { id: newId(), metric: form.metric, t: withOffset(moment), value };
  if (form.unit) found.unit = form.unit;
  if (form.has_meal) found.context = { meal: root.querySelector("[name=meal]:checked").value };
  return found;
}

// 128 random bits.
function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");
}

// RFC 3339 with the offset of the phone's clock, which says where the person was.
function withOffset(moment) {
  const minutes = -moment.getTimezoneOffset();
  const local = new Date(moment.getTime() + minutes * 60e3).toISOString().slice(0, 19);
  const two = (number) => String(Math.abs(number)).padStart(2, "0");
  return `${local}${minutes < 0 ? "-" : "+"}${two(Math.trunc(minutes / 60))}:${two(minutes % 60)}`;
}

function say(text, isBad = false) {
  said.textContent = text;
  said.classList.toggle("bad", isBad);
}

async function sendWhatWaits() {
  const refused = await unsent.send(whose);
  if (refused.length) say(`${words.failed} ${refused.join("; ")}`, true);
}

async function store() {
  const fault = wrong();
  if (fault) return show(), say(fault, true);
  const one = reading();
  if (!one) return say(words.missing, true);
  const button = document.getElementById("send");
  button.disabled = true;
  await unsent.keep(one, whose);
  try {
    const verdict = await ask("POST", "/people/me/readings", { body: { readings: [one] } });
    await unsent.drop(one.id);
    if (verdict.rejected.length) return say(`${words.failed} ${verdict.rejected[0].detail}`, true);
    say(verdict.stored || verdict.corrected ? (isUnusual(one.value) ? words.suspect : words.stored) : words.again);
    choose(form.metric);
  } catch (error) {
    if (unsent.isFinal(error)) {
      await unsent.drop(one.id);
      say(`${words.failed} ${error.message}`, true);
    } else {
      say(words.kept);
      choose(form.metric);
    }
  } finally {
    button.disabled = false;
  }
}

root.querySelector(".keys").addEventListener("click", (event) => event.target.dataset.key && press(event.target.dataset.key));
document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select")) return;
  if (/^[0-9.]$/.test(event.key)) press(event.key);
  else if (event.key === "Backspace") press("back");
  else if (event.key === "Enter" && event.target === document.body) store();
});
select.addEventListener("change", () => choose(select.value));
document.getElementById("send").addEventListener("click", store);
choose(root.dataset.chosen);
sendWhatWaits();
addEventListener("online", sendWhatWaits);
