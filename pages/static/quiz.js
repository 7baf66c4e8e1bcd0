// A question says at once whether the answer was right, and why; the lesson remembers it and comes again when it is time.

import { ask } from "./api.js";

const questions = [...document.querySelectorAll(".question")];
const given = new Map();

async function answer() {
  const id = [...crypto.getRandomValues(new Uint8Array(12))].map((one) => one.toString(16).padStart(2, "0")).join("");
  const [{ dataset }] = questions;
  const body = { id, answers: questions.map((_one, number) => given.get(number)), language: document.documentElement.lang.slice(0, 2) };
  const told = await ask("POST", `/people/me/lessons/${dataset.lesson}/answers`, { body });
  questions.forEach((question, number) => {
    const why = question.querySelector(".why");
    const strong = document.createElement("strong");
    strong.textContent = told.questions[number].is_right ? question.dataset.good : question.dataset.bad;
    why.replaceChildren(strong, ` ${told.questions[number].why}`);
    why.hidden = false;
  });
}

questions.forEach((question, number) => {
  question.addEventListener("change", (event) => {
    given.set(number, Number(event.target.value));
    if (given.size < questions.length) return;
    answer().catch(() => {
      const why = question.querySelector(".why");
      why.textContent = why.dataset.failed;
      why.hidden = false;
    });
  });
});
