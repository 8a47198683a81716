// What the transports and the page share: one request, the clock, JSON from outside.

export const OWN_TYPES = ["ping", "gap", "limit", "close", "heartbeat"]; // the gateway's own, always listened to

export const parse = (text, reviver) => { try { return JSON.parse(text, reviver); } catch { return undefined; } };

// Unix milliseconds with a fraction: the monotonic clock, held inside the
// millisecond that Date.now() names, so that two tabs and a sleep agree.
let anchor = Date.now() - performance.now();
export function now() {
  const wall = Date.now();
  const fine = anchor + performance.now();
  const held = Math.min(Math.max(fine, wall), wall + 1);
  anchor += held - fine;
  return Math.round(held * 10) / 10;
}

// One request: never throws. Status 0 is no answer within its patience, in seconds.
export async function ask(path, { method = "GET", body, headers = {}, bodyless = false, patience = 10, stopped } = {}) {
  const init = { method, headers: { ...headers }, cache: "no-store" };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers["Content-Type"] = "application/json";
  }
  const abort = new AbortController();
  const timer = setTimeout(() => abort.abort(), patience * 1000);
  const signal = stopped ? AbortSignal.any([abort.signal, stopped]) : abort.signal;
  try {
    const response = await fetch(path, { ...init, signal });
    const { status, ok } = response;
    const text = bodyless && ok ? "" : await response.text();
    const value = parse(text);
    if (status === 401) window.dispatchEvent(new Event("token-wanted"));
    return { status, ok, text, value, headers: response.headers, error: ok ? "" : explain(value) || `The gateway answered ${status}.` };
  } catch {
    const late = `No answer within ${patience} s. A browser opens six connections to one server: are there many tabs of this page?`;
    return { status: 0, ok: false, error: abort.signal.aborted ? late : "The gateway does not answer." };
  } finally {
    clearTimeout(timer);
    if (bodyless) abort.abort(); // an event stream has no end to wait for
  }
}

export const explain = (value) => String(value?.message ?? value?.error ?? "").slice(0, 500);
