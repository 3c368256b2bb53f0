// The sentences of uploads/web/words.py, handed over in the page's data block, and how numbers are written.
// The choice of a sentence (describe) mirrors words.py; the browser test holds the two together.
import type { Doc } from "./model";

interface Sentence {
  title: string;
  detail: string;
}

interface Words {
  states: Record<string, { badge: string; tone: string; sentence: string }>;
  unscanned: string;
  because: Record<string, string>;
  because_unknown: string;
  engines: Record<string, string>;
  types: Record<string, { label: string; icon: string; picture: string | null }>;
  page: Record<"lost" | "strange" | "too_large" | "unknown_ending" | "unreadable", Sentence> &
    Record<"empty_folder" | "full_folder" | "unreadable_folder", Sentence> &
    Record<"waiting" | "sending" | "arriving" | "received" | "deleted" | "retry_at" | "paused" | "stalled", string>;
  policy: { endings: Record<string, number>; head_bytes: number };
}

let known: Words | undefined;

export function words(): Words {
  known ??= JSON.parse(document.getElementById("words")?.textContent ?? "{}") as Words;
  return known;
}

export const fill = (template: string, values: Record<string, string>): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => values[name] ?? "");

export interface Phrase {
  badge: string;
  tone: string;
  sentence: string;
}

/** Says in plain words where a document stands. */
export function describe(doc: Doc): Phrase {
  const all = words();
  const state = all.states[doc.state] ?? { badge: doc.state, tone: "muted", sentence: "" };
  const engines = doc.verdict?.engines ?? [];
  const unscanned = doc.state === "clean" && engines.some((one) => one.outcome === "not-configured");
  const sentence = fill(unscanned ? all.unscanned : state.sentence, {
    engines: listed(engines.filter((one) => one.outcome === "clean").map(engineName)),
    finding: listed([...new Set(engines.flatMap((one) => (one.outcome === "infected" && one.finding) || []))]),
    because: all.because[doc.verdict?.reason ?? ""] ?? all.because_unknown,
  });
  return { badge: state.badge, tone: state.tone, sentence };
}

function engineName(engine: { name: string; version: string }): string {
  return `${words().engines[engine.name] ?? engine.name} ${engine.version}`.trim();
}

export function listed(names: string[]): string {
  const last = names.at(-1) ?? "";
  return names.length < 2 ? last : `${names.slice(0, -1).join(", ")} and ${last}`;
}

export const typeOf = (type: string): { label: string; icon: string } =>
  words().types[type] ?? { label: type, icon: "file" };

/** Whether a picture of this document may still be on its way. */
export function pictureDue(doc: Doc): boolean {
  const last = words().types[doc.type]?.picture ?? null;
  return doc.state === "clean" && last !== null && doc.renditions.every((one) => one.name !== last);
}

export function sizeOf(bytes: number): string {
  if (bytes < 1024) return exactSizeOf(bytes);
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let value = bytes / 1024;
  let unit = 0;
  // One step earlier than 1024, so that rounding never writes "1024.0 KiB".
  while (value >= 1023.95 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${value.toFixed(1).replace(/\.0$/, "")} ${units[unit]}`;
}

export const exactSizeOf = (bytes: number): string =>
  bytes === 1 ? "1 byte" : `${bytes.toLocaleString("en")} bytes`;

/** A time to wait, in seconds or, where these are many, in minutes. */
export function spanOf(seconds: number): string {
  if (seconds >= 120) return `${Math.ceil(seconds / 60)} minutes`;
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}

const when = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Writes every <time> below `root` in the reader's language and zone. */
export function localiseTimes(root: ParentNode): void {
  for (const element of root.querySelectorAll<HTMLTimeElement>("time[datetime]")) {
    const at = new Date(element.dateTime);
    if (!Number.isNaN(at.getTime())) element.textContent = when.format(at);
  }
}
