// It is made for pages: these are the parts of one that it uses.
globalThis.document = { hidden: false, addEventListener() {}, removeEventListener() {} };
globalThis.window = globalThis;
const { fetchEventSource } = await import("@microsoft/fetch-event-source/lib/cjs/index.js");
const { print, url } = await import("./print.mjs");

fetchEventSource(url, {
  onmessage: ({ event, data }) => print(event, data),
  // Without this an end of the stream that is no error is the end of all tries.
  onclose: () => { throw new Error("the stream ended"); },
});
