// One line an event, as `TYPE DATA`; what a test reads.
import { writeSync } from "node:fs";

export const url = process.argv[2];
export const print = (type, data) => writeSync(1, `${type || "message"} ${String(data).replaceAll("\n", "\\n")}\n`);
