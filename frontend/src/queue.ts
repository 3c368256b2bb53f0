// Files on their way in: three at a time, each with its own row, progress and fate.
import { Refusal } from "./api";
import { FOLDER_MOST } from "./dropzone";
import { announce, need, slot, stamp, write } from "./dom";
import type { Doc, Problem } from "./model";
import { newKey, send, type Transfer } from "./transfer";
import { exactSizeOf, fill, sizeOf, spanOf, words } from "./words";

const AT_ONCE = 3;
const TRIES = 10; // by itself, where the service says when
const BEAT_MS = 1_000;
const LOST_TRIES = 6; // by itself, where nobody answered: a minute in all, as long as a restart may take
const LOST_MOST_S = 30;
const STALLED_MS = 15_000; // so long without a byte is worth a word

/** Until when nothing is sent, and why: the service said so. */
interface Pause {
  until: number;
  title: string;
}

interface Item {
  file: File;
  key: string; // of all tries: a file whose answer was lost is not stored twice
  row: HTMLElement;
  transfer: Transfer | null;
  tries: number;
  lost: number; // how many of them ended without an answer
  pause: Pause;
  stalled: number | undefined;
}

const NO_PAUSE: Pause = { until: 0, title: "" };
const secondsOf = (pause: Pause): number => Math.max(0, Math.ceil((pause.until - Date.now()) / 1000));

export class UploadQueue {
  private readonly waiting: Item[] = [];
  private readonly active = new Set<Item>();
  private pause = NO_PAUSE;
  private timer: number | undefined;

  constructor(
    private readonly place: HTMLElement,
    private readonly onAccepted: (doc: Doc) => void,
  ) {
    window.addEventListener("beforeunload", (event) => {
      if (this.active.size + this.waiting.length > 0) event.preventDefault();
    });
    window.addEventListener("online", () => this.reconnect());
  }

  add(files: Iterable<File>): void {
    for (const file of files) {
      const item = this.newItem(file);
      const advice = objection(file);
      if (advice) this.refuse(item, advice);
      else this.enqueue(item);
    }
    this.next();
  }

  /** A folder was dropped: what is in it is sent, file by file, or it is said why not. */
  async addFolder(name: string, reading: Promise<File[]>): Promise<void> {
    const { empty_folder, full_folder, unreadable_folder } = words().page;
    const files = await reading.catch(() => null);
    if (files && files.length > 0 && files.length <= FOLDER_MOST) return this.add(files);
    const why = files === null ? unreadable_folder : files.length > 0 ? full_folder : empty_folder;
    this.refuse(this.newItem(new File([], name)), { ...why, status: 0, again: false, retryAfter: 0 });
  }

  private newItem(file: File): Item {
    return { file, key: newKey(), row: this.newRow(file), transfer: null, tries: 0, lost: 0, pause: NO_PAUSE, stalled: undefined };
  }

  private newRow(file: File): HTMLElement {
    const row = stamp("upload");
    write(slot(row, "name"), file.name);
    write(slot(row, "size"), file.size > 0 ? sizeOf(file.size) : "");
    slot(row, "dismiss").setAttribute("aria-label", `Dismiss ${file.name}`);
    this.place.append(row);
    return row;
  }

  private enqueue(item: Item): void {
    this.phase(item, "waiting", words().page.waiting);
    slot(item.row, "stop").onclick = () => this.forget(item);
    this.waiting.push(item);
  }

  private next(): void {
    while (this.active.size < AT_ONCE) {
      const item = this.waiting.find((one) => secondsOf(this.pauseOf(one)) === 0);
      if (!item) break;
      this.waiting.splice(this.waiting.indexOf(item), 1);
      this.active.add(item);
      void this.run(item);
    }
    this.countDown();
  }

  /** The longer one of the queue's pause and the file's own. */
  private pauseOf(item: Item): Pause {
    return item.pause.until > this.pause.until ? item.pause : this.pause;
  }

  /** Says to each file that waits how long, and looks again while any of them is told a time. */
  private countDown(): void {
    window.clearTimeout(this.timer);
    let due = false;
    for (const item of this.waiting) {
      const pause = this.pauseOf(item);
      const seconds = secondsOf(pause);
      due ||= seconds > 0;
      write(slot(item.row, "sentence"), seconds > 0 ? pausedFor(pause.title, seconds) : words().page.waiting);
    }
    if (due) this.timer = window.setTimeout(() => this.next(), BEAT_MS);
  }

  /** Whether the file waits now, for as long as the service says: all others with it, unless it is the file's own matter. */
  private waits(item: Item, { status, title, retryAfter }: Problem): boolean {
    const own = status === 409; // an earlier try of it is still under way
    if (retryAfter === 0 || !(own || status === 429 || status === 503) || ++item.tries >= TRIES) return false;
    const pause = { until: Date.now() + retryAfter * 1000, title };
    if (own) item.pause = pause;
    else if (pause.until > this.pause.until) this.pause = pause;
    this.phase(item, "waiting", "");
    this.waiting.unshift(item);
    announce(pausedFor(title, retryAfter));
    return true;
  }

  /** Whether the file is sent again by itself: nobody answered, and under its key it is stored once at most. */
  private goesOn(item: Item, { status, title }: Problem): boolean {
    if (!isLost(status)) return false;
    // While the browser knows that it has no network at all, no try counts.
    if (navigator.onLine && ++item.lost >= LOST_TRIES) return false;
    const seconds = Math.min(2 ** Math.max(1, item.lost), LOST_MOST_S);
    item.pause = { until: Date.now() + (navigator.onLine ? seconds : LOST_MOST_S) * 1000, title };
    this.phase(item, "waiting", "");
    this.waiting.unshift(item);
    announce(`${item.file.name}: ${pausedFor(title, secondsOf(item.pause))}`);
    return true;
  }

  /** The network is there again: who waits for it goes on at once. */
  private reconnect(): void {
    for (const item of this.waiting) item.pause = NO_PAUSE;
    this.next();
  }

  private async run(item: Item): Promise<void> {
    this.phase(item, "sending", words().page.arriving);
    this.progress(item, 0);
    item.transfer = send(item.file, item.key, (sent) => this.progress(item, sent));
    try {
      const doc = await item.transfer.done;
      this.onAccepted(doc);
      this.leave(item.row, doc.id);
      announce(fill(words().page.received, { name: item.file.name }));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      const problem = isLost(error.problem.status) && !(await isReadable(item.file)) ? unreadable() : error.problem;
      if (!item.row.isConnected) return; // cancelled meanwhile
      if (!this.waits(item, problem) && !this.goesOn(item, problem)) this.refuse(item, problem);
    } finally {
      window.clearTimeout(item.stalled);
      this.active.delete(item);
      this.next();
    }
  }

  private progress(item: Item, sent: number): void {
    const bar = slot<HTMLProgressElement>(item.row, "progress");
    const part = item.file.size > 0 ? sent / item.file.size : 0;
    bar.value = part;
    bar.textContent = `${Math.floor(part * 100)} %`;
    const text = part < 1 ? fill(words().page.sending, { percent: String(Math.floor(part * 100)) }) : words().page.arriving;
    write(slot(item.row, "sentence"), text);
    window.clearTimeout(item.stalled);
    if (part < 1) item.stalled = window.setTimeout(() => this.stall(item, text), STALLED_MS);
  }

  private stall(item: Item, text: string): void {
    write(slot(item.row, "sentence"), `${text}. ${words().page.stalled}`);
    announce(`${item.file.name}: ${words().page.stalled}`);
  }

  private phase(item: Item, phase: "waiting" | "sending" | "refused", sentence: string): void {
    item.row.dataset["phase"] = phase;
    write(slot(item.row, "sentence"), sentence);
    slot(item.row, "progress").hidden = phase === "refused";
    slot(item.row, "stop").hidden = phase === "refused";
    slot(item.row, "dismiss").hidden = phase !== "refused";
    slot(item.row, "trouble").hidden = phase !== "refused";
    slot(item.row, "again").hidden = true;
  }

  private refuse(item: Item, problem: Problem): void {
    this.phase(item, "refused", "");
    write(slot(item.row, "title"), problem.title);
    // A 429 names the time in its own sentence.
    const wait = problem.retryAfter > 0 && problem.status !== 429 ? fill(words().page.retry_at, { seconds: String(problem.retryAfter) }) : "";
    write(slot(item.row, "detail"), `${problem.detail} ${wait}`.trim());
    slot(item.row, "again").hidden = !problem.again;
    slot(item.row, "again").onclick = () => {
      item.tries = item.lost = 0;
      this.enqueue(item);
      slot(item.row, "stop").focus();
      this.next();
    };
    slot(item.row, "dismiss").onclick = () => this.leave(item.row);
    announce(`${item.file.name}: ${problem.title}. ${problem.detail}`);
  }

  private forget(item: Item): void {
    const place = this.waiting.indexOf(item);
    if (place >= 0) this.waiting.splice(place, 1);
    item.transfer?.stop();
    window.clearTimeout(item.stalled);
    this.active.delete(item);
    this.leave(item.row);
    this.next();
  }

  /** Takes a row away. Who was at one of its buttons is led to what it became, the row beside it, or where files come in. */
  private leave(row: HTMLElement, became?: string): void {
    const beside = (row.nextElementSibling ?? row.previousElementSibling) as HTMLElement | null;
    const focused = row.contains(document.activeElement);
    row.remove();
    if (!focused) return;
    const arrived = became && document.querySelector<HTMLElement>(`#documents [data-id="${became}"] [data-slot="name"]`);
    (arrived || beside?.querySelector<HTMLElement>("button:not([hidden])") || need("#file")).focus();
  }
}

/** Nobody says what became of it: no answer, too slow for the service, or one for it that could not reach it. */
const isLost = (status: number): boolean => [0, 408, 502, 504].includes(status);

/** Whether the browser still gets at the file: one that was changed or moved since fails like a broken connection. */
async function isReadable(file: File): Promise<boolean> {
  try {
    await file.slice(0, 1).arrayBuffer();
    return true;
  } catch {
    return false;
  }
}

const unreadable = (): Problem => ({ ...words().page.unreadable, status: -1, again: false, retryAfter: 0 });

const pausedFor = (title: string, seconds: number): string =>
  fill(words().page.paused, { title, time: spanOf(seconds) });

/** Advice that saves a useless upload: the size and the ending. Whatever passes is judged by the server. */
function objection(file: File): Problem | null {
  const { page, policy } = words();
  const dot = file.name.lastIndexOf(".");
  const limit = dot < 0 ? undefined : policy.endings[file.name.slice(dot + 1).toLowerCase()];
  const base = { status: 0, again: false, retryAfter: 0 };
  if (limit === undefined) {
    const endings = Object.keys(policy.endings).join(", ");
    const { title, detail } = page.unknown_ending;
    return { title, detail: fill(detail, { endings }), ...base };
  }
  if (file.size <= limit) return null;
  const written = sizeOf(file.size) === sizeOf(limit) ? exactSizeOf : sizeOf;
  const detail = fill(page.too_large.detail, { size: written(file.size), limit: written(limit) });
  return { title: page.too_large.title, detail, ...base };
}
