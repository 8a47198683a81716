// A transport: long polls of the same zone, in the form that has a cursor. It needs
// no clock: an answer says where the next poll goes on, and so nothing is lost.

import { OWN_TYPES, ask, explain, now, parse } from "/shared.js";

const CURSOR = "Longpoll-Cursor";
const HELD = 25;   // seconds that the gateway holds a poll that does not say
const MARGIN = 10; // … and how much later its answer may be
const LONGEST = 30_000;

export class Poll {
  #stop = new AbortController();
  zone; types = []; position = ""; openedAt = 0; state = "stopped";

  // on: as a stream's
  constructor(on) { this.on = on; }

  // By hand. In the same zone it goes on from the last answer.
  start(zone, types) {
    this.#stop.abort();
    if (zone !== this.zone) this.position = "";
    Object.assign(this, { zone, types });
    this.#stop = new AbortController();
    this.#follow(this.#stop.signal);
  }

  stop(why) {
    this.#stop.abort();
    this.#set("stopped", why);
  }

  #set(state, why = "", until = 0) {
    this.state = state;
    this.on.state(state, why, until);
  }

  async #follow(stopped) {
    this.#set("connecting");
    for (let wasLive = false, tries = 0; ;) {
      const live = this.state === "live";
      const asked = now();
      const answer = await this.#poll(live, stopped);
      if (stopped.aborted) return;
      if (answer.ok) {
        if (!live) this.openedAt = asked;
        if (!live && wasLive) this.on.reconnect();
        if (!live) this.#set("live");
        wasLive = true;
        tries = 0;
        const empty = this.#received(answer);
        // As one that is stopping answers: not to be asked again at once.
        if (empty && now() - asked < 100) await sleep(1000, stopped);
      } else if (this.position && (answer.status === 400 || answer.status === 410)) {
        this.#forget(answer.error);
      } else if (mayHeal(answer.status)) {
        if (tries === 0 && answer.status === 429) this.#tell("limit", { message: answer.error });
        const wait = Math.max(backoff(tries++), retryAfter(answer.headers));
        this.#set("reconnecting", answer.error, Date.now() + wait);
        await sleep(wait, stopped);
        if (!stopped.aborted) this.#set("reconnecting", answer.error);
      } else {
        // For a token there is a field, which says it.
        return this.stop(answer.status === 401 ? "" : `The gateway refused: ${answer.error}`);
      }
    }
  }

  // A first poll is held for a second only: its answer is how the page knows that all is well.
  async #poll(live, stopped) {
    const query = new URLSearchParams({ form: "strict", category: this.zone });
    if (this.position) query.set("cursor", this.position);
    if (!live) query.set("timeout", "1");
    const answer = await ask(`/events?${query}`, { stopped, patience: (live ? HELD : 1) + MARGIN });
    const sound = !answer.ok || answer.headers.has(CURSOR);
    return sound ? answer : { status: 0, error: "What answers here is not the gateway." };
  }

  // Takes an answer with its cursor; whether it brought nothing.
  #received({ text, headers }) {
    const { events = [], gaps = [] } = parse(text, asWritten) ?? {};
    this.position = headers.get(CURSOR);
    for (const { reason, from, resume } of gaps) this.#tell("gap", { reason, from, resume });
    for (const { event: type = "message", data, id } of events) {
      // A stream brings its page only the types that it listens to; here all come.
      if (![...OWN_TYPES, "message", ...this.types].includes(type)) continue;
      this.on.event({ type, data: typeof data === "string" ? data : JSON.stringify(data), id, at: now() });
    }
    return !events.length && !gaps.length;
  }

  // The cursor means nothing to this gateway (any more).
  #forget(message) {
    this.position = "";
    this.#tell("gap", { reason: "unknown", message });
  }

  #tell(type, value) { this.on.event({ type, data: JSON.stringify(value), id: "", at: now() }); }
}

// Numbers that a double cannot hold stay as they are written, where the browser knows how.
const asWritten = (_key, value, context) =>
  typeof value === "number" && JSON.rawJSON && context.source !== String(value) ? JSON.rawJSON(context.source) : value;

const mayHeal = (status) => status === 0 || status === 408 || status === 429 || status >= 500;

// Milliseconds: twice as long each time, and spread, so that not all come back at once.
const backoff = (tries) => Math.min(LONGEST, 500 * 2 ** tries) * (0.5 + Math.random() / 2);

// Milliseconds that an answer asks for, in either of the header's forms.
function retryAfter(headers) {
  const given = headers?.get("Retry-After");
  if (!given) return 0;
  const wait = /^\d+$/.test(given) ? Number(given) * 1000 : Date.parse(given) - Date.now();
  return Math.min(Math.max(wait || 0, 0), 10 * LONGEST) + Math.random() * 500;
}

// Ends early when it is stopped.
const sleep = (ms, stopped) => new Promise((resolve) => {
  const done = () => {
    clearTimeout(timer);
    stopped.removeEventListener("abort", done);
    resolve();
  };
  const timer = setTimeout(done, ms);
  stopped.addEventListener("abort", done);
});
