// The panel by keyboard, and filters that hold as they are chosen.

const rows = [...document.querySelectorAll("#panel tbody a")];

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey || event.altKey) return;
  const at = rows.indexOf(document.activeElement);
  if (event.key === "j" || event.key === "ArrowDown") rows[Math.min(at + 1, rows.length - 1)]?.focus();
  else if (event.key === "k" || event.key === "ArrowUp") rows[Math.max(at - 1, 0)]?.focus();
  else if (event.key === "n") (rows[at] ?? rows[0])?.click();
  else if (event.key === "m") document.getElementById("more")?.click();
  else if (event.key === "/") document.getElementById("find").focus();
  else return;
  event.preventDefault();
});

for (const one of document.querySelectorAll("[data-submits]")) one.addEventListener("change", () => one.form.submit());
