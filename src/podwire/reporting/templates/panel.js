// The verdict of a mark at hover and focus, and all of its case in a panel.
const panel = document.getElementById("panel");
const tip = document.getElementById("tip");
const marks = [...document.querySelectorAll("button.m[data-n]")];

async function unpack() {
  const bytes = Uint8Array.from(atob(document.getElementById("data").textContent), (one) => one.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
}
const loaded = unpack();

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((one) => one !== null && one !== undefined));
  return element;
}

function telling(one) {
  const unmet = one.findings.filter((finding) => !finding[3]);
  if (one.headline) return one.headline;
  if (one.reason) return one.reason;
  if (unmet.length) return `expected ${unmet[0][0]}; ${unmet[0][1]} (${unmet[0][2]})`;
  return one.findings.length ? `all ${one.findings.length} expectations held` : "";
}

async function showTip(mark) {
  const one = (await loaded).cases[mark.dataset.n];
  if (!mark.matches(":hover, :focus-visible")) return;
  tip.replaceChildren(make("b", {}, mark.getAttribute("aria-label")), telling(one));
  tip.hidden = false;
  const place = mark.getBoundingClientRect();
  const size = tip.getBoundingClientRect();
  const below = place.bottom + size.height + 12 < innerHeight;
  tip.style.left = `${Math.max(8, Math.min(place.left - 12, innerWidth - size.width - 8))}px`;
  tip.style.top = `${below ? place.bottom + 8 : place.top - size.height - 8}px`;
}
const hideTip = () => { tip.hidden = true; };

function list(pairs) {
  return make("dl", { class: "pairs" }, ...pairs.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

function sources(several) {
  const items = several.map(([url, words]) => make("li", {}, url ? make("a", { href: url }, words) : words));
  return make("ul", { class: "sources" }, ...items);
}

function findings(one) {
  if (!one.findings.length) return make("ul", {}, ...(one.expected || []).map((text) => make("li", {}, text)));
  const order = [...one.findings].sort((a, b) => a[3] - b[3]);
  const rows = order.map(([expected, actual, where, met]) => make("tr", { class: met ? "met" : "unmet" },
    make("td", {}, make("span", { class: `m ${met ? "pass" : "fail"}`, role: "img", "aria-label": met ? "held" : "did not hold" }, met ? "✓" : "✗")),
    make("td", {}, expected), make("td", {}, actual), make("td", {}, where)));
  const head = make("tr", {}, ...["Held", "Expected", "Actual", "Where"].map((text) => make("th", { scope: "col" }, text)));
  return make("table", { class: "findings" }, make("caption", {}, "What was expected and what was seen"), make("thead", {}, head), make("tbody", {}, ...rows));
}

async function open(mark) {
  const data = await loaded;
  const one = data.cases[mark.dataset.n];
  const rule = data.rules[one.rule];
  hideTip();
  const close = make("button", { type: "button", class: "close", "aria-label": "Close" }, "Close");
  close.addEventListener("click", () => panel.close());
  const badge = make("span", { class: mark.className, "aria-hidden": "true" }, mark.textContent);
  const heading = (text) => make("h3", {}, text);
  panel.replaceChildren(close,
    make("h2", { id: "panel-title" }, one.title), make("div", { class: "id" }, one.id),
    make("div", { class: "verdict" }, badge, make("div", {}, make("b", {}, one.outcome + (one.limitation ? ` (${one.limitation})` : "")), make("div", {}, telling(one)))),
    ...(one.cause ? [make("p", {}, `Shared cause: ${one.cause}`)] : []),
    make("p", {}, `${rule.level}: ${rule.says}`), sources(one.sources || rule.sources),
    heading("Expected and seen"), findings(one),
    heading("Flow"), list(one.with));
  if (one.rounds.length) panel.append(heading("Rounds"), make("p", {}, one.rounds.join(", ")));
  panel.append(heading("Packets"), packets(one.ladder));
  if (one.evidence.length) {
    const files = one.evidence.map((file) => make("li", {}, make("a", { href: file.split("/").map(encodeURIComponent).join("/") }, file.split("/").pop())));
    panel.append(heading("Evidence"), make("ul", { class: "files" }, ...files));
  }
  history.replaceState(null, "", `#${encodeURIComponent(one.id)}`);
  if (!panel.open) panel.showModal();
  panel.scrollTop = 0;
}
panel.addEventListener("click", (event) => { if (event.target === panel) panel.close(); });
panel.addEventListener("close", () => history.replaceState(null, "", location.pathname + location.search));

// One stop of the tab key for each table; the arrow keys go from mark to mark.
function step(mark, key) {
  const aside = key === "ArrowLeft" || key === "ArrowRight";
  const forth = key === "ArrowRight" || key === "ArrowDown";
  const from = mark.getBoundingClientRect();
  // The nearest mark that way; to the side only within the requirement, and what is askew counts as farther.
  const far = (one) => {
    const to = one.getBoundingClientRect();
    const along = (aside ? to.left - from.left : to.top - from.top) * (forth ? 1 : -1);
    const across = Math.abs(aside ? to.top - from.top : to.left - from.left);
    return along < 4 ? Infinity : along + 4 * across;
  };
  const place = mark.closest(aside ? "tr" : "table");
  const several = [...place.querySelectorAll("button.m:not([hidden])")].filter((one) => far(one) < Infinity);
  return several.sort((a, b) => far(a) - far(b))[0];
}
function tabStop(mark) {
  for (const one of mark.closest("table").querySelectorAll("button.m")) one.tabIndex = one === mark ? 0 : -1;
}
function tabStops() {
  for (const table of document.querySelectorAll("table.matrix")) {
    const mark = table.querySelector("button.m:not([hidden])");
    if (mark) tabStop(mark);
  }
}
document.addEventListener("filtered", tabStops);
tabStops();
for (const mark of marks) {
  mark.addEventListener("mouseenter", () => showTip(mark));
  mark.addEventListener("mouseleave", hideTip);
  mark.addEventListener("focus", () => { tabStop(mark); showTip(mark); });
  mark.addEventListener("blur", hideTip);
  mark.addEventListener("click", () => open(mark));
  mark.addEventListener("keydown", (event) => {
    if (event.key === "Escape") hideTip();
    if (!event.key.startsWith("Arrow")) return;
    event.preventDefault();
    step(mark, event.key)?.focus();
  });
}
addEventListener("scroll", hideTip, { passive: true });
loaded.then((data) => {
  // An id has all words of its case, those of its column among them.
  for (const unit of units) if (unit.element.dataset.n) unit.words += ` ${data.cases[unit.element.dataset.n].id.toLowerCase()}`;
  const wanted = decodeURIComponent(location.hash.slice(1));
  const number = data.cases.findIndex((one) => one.id === wanted);
  if (number >= 0) open(marks.find((mark) => mark.dataset.n === String(number)));
});
