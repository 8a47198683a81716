// What the page shows of one transport: its state, counts, plot and list. Text
// from outside only ever becomes textContent or an attribute, and is bounded.

import { OWN_TYPES, explain, parse } from "/shared.js";

const ROWS = 200;    // events kept in the list
const SHOWN = 2000;  // characters of one event's data that are shown
const KEPT = 16384;  // … and that its row keeps in data-data
const SECONDS = 60;  // width of the plot
const GAPS = {
  epoch: "The zone's history began anew, as after a restart: what came in between is lost.",
  evicted: "What came in between is older than the history that is held.",
  unknown: "The gateway does not know the place where this page was.",
  slow: "This page read too slowly, and events were skipped.",
};

export const plural = (n, one) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;

export function element(tag, className, text) {
  const node = document.createElement(tag);
  node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

export function duration(ms) {
  if (ms === undefined) return "–";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = Math.floor(ms / 1000);
  if (s < 10) return `${(ms / 1000).toFixed(1)} s`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min`;
  return s < 86400 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} d`;
}

export class Column {
  #pending = []; #paused = false; #flushing = 0; #latencies = []; #until = 0;
  #count = { received: 0, reconnects: 0, gaps: 0 };

  constructor(root, title) {
    fill(root, title);
    this.part = (name) => root.querySelector(`[data-part="${name}"]`);
    this.list = this.part("events");
    this.plot = new Plot(this.part("plot"), this.part("scale"), this.part("readout"));
    this.part("filter").addEventListener("input", () => this.#filter());
    this.part("clear").addEventListener("click", () => this.clear());
    this.part("pause").addEventListener("click", () => this.#pause(!this.#paused));
    setInterval(() => this.#countdown(), 250);
  }

  reset() {
    this.clear();
    this.#latencies = [];
    for (const name of Object.keys(this.#count)) this.count(name, -this.#count[name]);
    for (const name of ["median", "p99", "last-id"]) this.part(name).textContent = "–";
  }

  clear() {
    this.#pending = [];
    this.list.replaceChildren();
    this.#summary();
  }

  count(name, by = 1) {
    this.#count[name] += by;
    this.part(name).textContent = String(this.#count[name]);
    this.part(name).dataset.some = String(this.#count[name] > 0);
    if (by > 0) this.plot.add(name);
  }

  state(state, why, until) {
    this.part("status").dataset.state = state;
    // What did not change is not announced again.
    for (const [part, text] of [["status-text", state], ["note", why]]) {
      if (this.part(part).textContent !== text) this.part(part).textContent = text;
    }
    this.#until = until;
    this.#countdown();
  }

  // A value that only this transport has.
  show(name, text) { this.part(name).textContent = this.part(name).title = text || "–"; }

  // The countdown is for the eye: a screen reader is told the state once.
  #countdown() {
    const left = Math.ceil((this.#until - Date.now()) / 1000);
    this.part("countdown").textContent = left > 0 ? ` in ${left} s` : "";
  }

  // openedAt tells what is live from what was missed and is replayed.
  event(event, openedAt) {
    const { type, data, id, at } = event;
    if (!OWN_TYPES.includes(type)) this.count("received");
    if (type === "gap") this.count("gaps");
    if (id) this.part("last-id").textContent = this.part("last-id").title = id.slice(0, 200);
    event.json = data.length <= KEPT ? parse(data) : undefined;
    const sent = [event.json?.sent_at, event.json?.sent].find((value) => typeof value === "number");
    if (sent !== undefined) {
      event.latency = Math.max(0, at - sent);
      event.replayed = sent < openedAt - 1;
      if (!event.replayed) this.#latencies = [...this.#latencies.slice(1 - ROWS), event.latency];
    }
    this.#pending.push(event);
    if (this.#pending.length > ROWS) this.#pending.shift();
    this.#soon();
  }

  // Not an animation frame: those stand still in a hidden tab.
  #soon() { this.#flushing ||= setTimeout(() => this.#flush(), 16); }

  #flush() {
    this.#flushing = 0;
    if (!this.#paused) {
      const words = this.part("filter").value.toLowerCase();
      const rows = this.#pending.splice(0).reverse().map(row);
      for (const node of rows) node.hidden = !matches(node, words);
      this.list.prepend(...rows);
      while (this.list.childElementCount > ROWS) this.list.lastElementChild.remove();
    }
    const sorted = this.#latencies.toSorted((a, b) => a - b);
    const rank = (share) => duration(sorted[Math.ceil(sorted.length * share) - 1]);
    this.part("median").textContent = rank(0.5);
    this.part("p99").textContent = rank(0.99);
    this.#summary();
  }

  #pause(paused) {
    this.#paused = paused;
    this.part("pause").setAttribute("aria-pressed", String(paused));
    this.#flush();
  }

  #filter() {
    const words = this.part("filter").value.toLowerCase();
    for (const node of this.list.children) node.hidden = !matches(node, words);
    this.#summary();
  }

  #summary() {
    const all = this.list.childElementCount;
    const shown = all - this.list.querySelectorAll(":scope > [hidden]").length;
    const waiting = this.#paused ? ` · paused, ${this.#pending.length}${this.#pending.length === ROWS ? "+" : ""} waiting` : "";
    this.part("shown").textContent = (shown < all ? `${shown} of ${all}` : all ? String(all) : "") + waiting;
  }
}

// The same parts in each column; ids and descriptions tell them apart.
function fill(root, title) {
  const name = root.dataset.transport;
  root.replaceChildren(document.getElementById("column").content.cloneNode(true));
  for (const node of root.querySelectorAll("[data-only]")) if (node.dataset.only !== name) node.remove();
  for (const node of root.querySelectorAll("[data-part]")) node.id = `${name}-${node.dataset.part}`;
  for (const node of root.querySelectorAll("button, input, ol, svg")) node.setAttribute("aria-describedby", `${name}-title`);
  root.querySelector("[data-part=title]").textContent = title;
  root.querySelector("[data-part=status-of]").textContent = `${title}: `;
}

const matches = ({ dataset }, words) =>
  !words || `${dataset.type} ${dataset.id} ${dataset.data}`.toLowerCase().includes(words);

function row({ type, data, id, at, json, latency, replayed }) {
  const node = element("li", "event");
  Object.assign(node.dataset, { id, type, data: data.slice(0, KEPT), tone: tone(type) });
  const time = element("time", "when", clock(at));
  time.dateTime = new Date(at).toISOString();
  const body = element("span", "data");
  if (type === "gap") body.textContent = gapText(json);
  else if (type === "limit") body.textContent = explain(json) || data.slice(0, SHOWN);
  else tint(body, data.slice(0, SHOWN), typeof json === "object" && data.length <= SHOWN);
  if (data.length > SHOWN) body.append(element("span", "faint", ` … ${plural(data.length, "character")} in all`));
  const took = element("span", "latency", duration(latency));
  if (replayed) took.dataset.replayed = took.title = "replayed: it was sent before this connection was there";
  const short = element("span", "id", id.length > 18 ? `${id.slice(0, 4)}…${id.slice(Math.max(id.lastIndexOf("-"), id.length - 10))}` : id);
  short.title = id;
  node.append(time, element("span", "type", type), body, took, short);
  return node;
}

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
const clock = (at) => CLOCK.format(at);

function tone(type) {
  if ([...OWN_TYPES, "message", "notice"].includes(type)) return type;
  return String([...type].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 997, 7) % 3);
}

function gapText(gap) {
  const cursor = gap?.from ? ` From ${gap.from}, going on at ${gap.resume ?? "?"}.` : "";
  return ((GAPS[gap?.reason] ?? "Events were missed.") + cursor).slice(0, SHOWN);
}

// JSON as it came, with its values before its keys, punctuation and time stamps.
function tint(node, text, isJson) {
  if (!isJson) return node.append(text);
  let key = "";
  for (const [piece] of text.matchAll(/"(?:\\.|[^"\\])*"\s*:|"(?:\\.|[^"\\])*"|[{}[\],\s]+|[^{}[\],\s"]+/g)) {
    const faint = /^[{}[\],\s]|:$/.test(piece) || /^"sent(_at)?"/.test(key);
    if (!/^\s/.test(piece)) key = piece;
    node.append(faint ? element("span", "faint", piece) : piece);
  }
}

class Plot {
  #buckets = new Map(); #hover;

  constructor(svg, scale, readout) {
    Object.assign(this, { svg, scale, readout });
    const node = (name) => svg.appendChild(document.createElementNS("http://www.w3.org/2000/svg", name));
    this.middle = node("line");
    this.bars = Array.from({ length: SECONDS }, () => node("rect"));
    this.marks = Array.from({ length: SECONDS }, () => node("line"));
    svg.addEventListener("pointermove", ({ offsetX }) => {
      this.#hover = Math.min(SECONDS - 1, Math.max(0, Math.floor(offsetX / svg.clientWidth * SECONDS)));
      this.draw();
    });
    svg.addEventListener("pointerleave", () => { this.#hover = undefined; this.draw(); });
    setInterval(() => this.draw(), 250);
  }

  add(name) {
    const second = Math.floor(Date.now() / 1000);
    if (!this.#buckets.has(second)) this.#buckets.set(second, { received: 0, reconnects: 0, gaps: 0 });
    this.#buckets.get(second)[name] += 1;
  }

  draw() {
    const last = Math.floor(Date.now() / 1000);
    for (const second of this.#buckets.keys()) if (second <= last - SECONDS) this.#buckets.delete(second);
    const at = (index) => this.#buckets.get(last - SECONDS + 1 + index) ?? { received: 0, reconnects: 0, gaps: 0 };
    const peak = Math.max(0, ...this.bars.map((_, index) => at(index).received));
    const top = roundUp(peak);
    const { clientWidth: width, clientHeight: height } = this.svg;
    const step = width / SECONDS;
    set(this.svg, { viewBox: `0 0 ${width || 1} ${height || 1}` });
    set(this.middle, { class: "middle", x1: 0, x2: width, y1: height / 2, y2: height / 2 });
    this.bars.forEach((bar, index) => {
      const { received, reconnects, gaps } = at(index);
      const tall = received ? Math.max(3, received / top * (height - 4)) : 1.5;
      const state = index === this.#hover ? "hover" : received ? "some" : "none";
      set(bar, { class: state, x: index * step + step * 0.12, y: height - tall, width: step * 0.76, height: tall, rx: received ? Math.min(2, step / 5) : 0 });
      const x = index * step + step / 2;
      set(this.marks[index], { class: gaps ? "gap" : reconnects ? "reconnect" : "no", x1: x, x2: x, y1: 0, y2: height });
    });
    this.scale.textContent = String(top);
    const rate = at(SECONDS - 2).received; // the last whole second
    const summary = `${rate} a second now, peak ${peak}`;
    this.svg.setAttribute("aria-label", `Events a second over the last minute: ${summary}`);
    this.readout.textContent = this.#hover === undefined ? summary : this.#told(at(this.#hover), last - SECONDS + 1 + this.#hover);
  }

  #told({ received, reconnects, gaps }, second) {
    const also = [reconnects && plural(reconnects, "reconnect"), gaps && plural(gaps, "gap")].filter(Boolean);
    return [`${clock(second * 1000).slice(0, 8)}: ${plural(received, "event")}`, ...also].join(", ");
  }
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
}

// A round number above, even so that the middle line is a whole number.
function roundUp(peak) {
  for (let unit = 1; ; unit *= 10) for (const top of [4, 6, 8, 10, 14, 20, 30]) if (peak <= top * unit) return top * unit;
}
