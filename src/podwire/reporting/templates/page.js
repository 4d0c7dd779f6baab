"use strict";
// Light or dark: as the system says, until somebody chooses.
const root = document.documentElement;
const theme = document.getElementById("theme");
const system = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
try { chosen = localStorage.getItem("podwire-theme"); } catch { /* a page from a file may have no storage */ }

function showTheme() {
  const dark = chosen ? chosen === "dark" : system.matches;
  root.dataset.theme = dark ? "dark" : "light";
  theme.setAttribute("aria-pressed", String(dark));
}
theme.addEventListener("click", () => {
  chosen = root.dataset.theme === "dark" ? "light" : "dark";
  try { localStorage.setItem("podwire-theme", chosen); } catch { /* then it holds for this page */ }
  showTheme();
});
system.addEventListener("change", showTheme);
showTheme();

// Filters. A unit is whatever has outcomes in data-o: a mark of the matrix, or a row of a list.
const units = [...document.querySelectorAll("main [data-o]")].map((element) => {
  const row = element.closest("tr");
  const head = row.querySelector("th");
  const words = element === row ? row.textContent : `${head.textContent} ${element.getAttribute("aria-label")} ${row.closest("section").firstChild.textContent}`;
  return { element, row, outcomes: element.dataset.o.split(" "), words: words.toLowerCase() };
});
const rows = [...new Set(units.map((unit) => unit.row))];
const sections = [...document.querySelectorAll("main section.area")];
const switches = [...document.querySelectorAll(".chip")];
const find = document.getElementById("find");

function filter() {
  const only = switches.filter((one) => one.getAttribute("aria-pressed") === "true").map((one) => one.dataset.only);
  const wanted = find.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const unit of units) {
    const fits = (!only.length || unit.outcomes.some((one) => only.includes(one))) && wanted.every((word) => unit.words.includes(word));
    unit.element.hidden = !fits;
    shown += fits;
  }
  const living = new Set(units.filter((unit) => !unit.element.hidden).map((unit) => unit.row));
  for (const row of rows) row.hidden = !living.has(row);
  for (const way of document.querySelectorAll(".way")) way.hidden = !way.querySelector("[data-o]:not([hidden])");
  for (const section of sections) section.hidden = ![...living].some((row) => section.contains(row));
  document.dispatchEvent(new Event("filtered"));
  document.getElementById("shown").textContent = shown === units.length ? "" : `${shown} of ${units.length} shown`;
}
if (find) {
  find.form.addEventListener("submit", (event) => event.preventDefault());
  find.addEventListener("input", filter);
  for (const one of switches) {
    one.addEventListener("click", () => {
      one.setAttribute("aria-pressed", String(one.getAttribute("aria-pressed") !== "true"));
      filter();
    });
  }
}
