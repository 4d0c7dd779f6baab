// The packets of a case between its capture points: time goes down, a dot is a point that saw the packet.
const HIGH = 58, TOP = 62, LEFT = 82;
const NARROWEST = 210, LETTER = 6.2; // of a column, and of a letter of the addresses, which must not meet

function svg(tag, attributes, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function after(microseconds) {
  return microseconds < 1000 ? `+${microseconds} µs` : microseconds < 1e6 ? `+${(microseconds / 1000).toFixed(2)} ms` : `+${(microseconds / 1e6).toFixed(3)} s`;
}

function arrow(kind, from, to, y) {
  const way = Math.sign(to - from);
  const head = `${to},${y} ${to - 9 * way},${y - 4.5} ${to - 9 * way},${y + 4.5}`;
  return [svg("line", { class: kind, x1: from, x2: to - 7 * way, y1: y, y2: y }), svg("polygon", { class: kind, points: head })];
}

function rung([kind, label, sights], number, wide) {
  const request = kind === "request";
  const y = TOP + HIGH * number + 26;
  const x = (column) => LEFT + wide * (column + 0.5);
  const path = request ? sights : [...sights].reverse();
  const parts = [svg("text", { class: "at", x: 4, y: y + 4 }, after(Math.min(...sights.map((one) => one[1]))))];
  const first = x(path[0][0]), last = x(path[path.length - 1][0]);
  // Seen once: where it came from and went to is not known, so the arrow only passes by.
  const ends = path.length > 1 ? [first, last] : request ? [first - 46, first + 46] : [first + 46, first - 46];
  parts.push(...arrow(kind, ends[0], ends[1], y));
  path.forEach((one, at) => {
    const middle = x(one[0]);
    const rewritten = at > 0 && one[2] !== path[at - 1][2];
    parts.push(svg("circle", { class: kind, cx: middle, cy: y, r: 3.5 }));
    if (at === 0 || rewritten) parts.push(svg("text", { class: rewritten ? "ends changed" : "ends", x: middle, y: y + 15, "text-anchor": "middle" }, one[2]));
    if (one[3] && (at === 0 || one[3] !== path[at - 1][3])) parts.push(svg("text", { class: "tunnel", x: middle, y: y + 27, "text-anchor": "middle" }, one[3]));
  });
  parts.push(svg("text", { class: kind, x: (Math.min(...ends) + Math.max(...ends)) / 2, y: y - 7, "text-anchor": "middle" }, label));
  return svg("g", {}, ...parts);
}

function inWords(found) {
  const lines = found.rungs.map(([kind, label, sights]) => make("li", {},
    `${kind}: ${label}; ${sights.map((one) => `${found.points[one[0]][0]} ${after(one[1])} ${one[2]}${one[3] ? ` in ${one[3]}` : ""}`).join("; ")}`));
  return make("details", {}, make("summary", {}, "The same in words"), make("ol", {}, ...lines));
}

function packets(found) {
  if (found === undefined) return make("p", {}, "This page was made without the observations of the run.");
  if (found === null) return make("p", {}, "No capture point saw a packet of this case.");
  const longest = Math.max(...found.rungs.flatMap((one) => one[2].map((sight) => sight[2].length)));
  const wide = Math.max(NARROWEST, LETTER * longest + 12);
  const width = LEFT + wide * found.points.length, height = TOP + HIGH * found.rungs.length + 10;
  const parts = [];
  found.points.forEach(([name, where, why], column) => {
    const middle = LEFT + wide * (column + 0.5);
    parts.push(svg("line", { class: "rail", x1: middle, x2: middle, y1: TOP - 12, y2: height }),
      svg("text", { class: "place", x: middle, y: 16, "text-anchor": "middle" }, name.replace("-", " ")),
      svg("text", { class: "where", x: middle, y: 32, "text-anchor": "middle" }, where));
    if (why) parts.push(svg("text", { class: "untrusted", x: middle, y: 46, "text-anchor": "middle" }, `not usable: ${why}`.slice(0, 40)));
  });
  found.rungs.forEach((one, number) => parts.push(rung(one, number, wide)));
  const label = `${found.rungs.length} packets between ${found.points.map((one) => one[0].replace("-", " ")).join(", ")}`;
  const more = found.more ? `${found.more} more packets are not drawn. ` : "";
  return make("div", {},
    make("figure", { tabindex: "0" }, svg("svg", { role: "img", "aria-label": label, width, height, viewBox: `0 0 ${width} ${height}` }, ...parts)),
    make("p", { class: "says" }, `${more}Blue: from client to server; orange: the answers; red: ICMP errors. Addresses stand where they were seen first and where they changed. Times are those of each node's clock.`),
    inWords(found));
}
