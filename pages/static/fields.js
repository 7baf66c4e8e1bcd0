// What is typed into a form, and back into it: [name, value] of each field in order; of what is ticked [name, [value, whether]].

const isTick = (one) => ["checkbox", "radio"].includes(one.type);
const fieldsOf = (form) => [...form.elements].filter((one) => one.name && !["hidden", "password", "file", "submit"].includes(one.type));

export const valuesOf = (form) => fieldsOf(form).map((one) => [one.name, isTick(one) ? [one.value, one.checked] : one.value]);

// The form is opened where it is folded; what stands there no more is left out.
export function fill(form, values) {
  const left = [...values];
  for (const field of fieldsOf(form)) {
    const index = left.findIndex(([name, value]) => name === field.name && (isTick(field) ? Array.isArray(value) && value[0] === field.value : !Array.isArray(value)));
    if (index < 0) continue;
    const [[, value]] = left.splice(index, 1);
    if (isTick(field)) [, field.checked] = value;
    else field.value = value;
  }
  form.closest("details")?.setAttribute("open", "");
}

// A sentence at the form about what became of it.
export function say(form, text, isBad = true) {
  let place = form.querySelector(".form-said");
  if (!place) {
    place = Object.assign(document.createElement("p"), { className: "form-said" });
    form.append(place);
  }
  place.setAttribute("role", isBad ? "alert" : "status");
  place.textContent = text;
  place.classList.toggle("fault", isBad);
  place.hidden = !text;
}
