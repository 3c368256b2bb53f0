// The list of documents, kept true: it asks the server while anything is unsettled and changes rows in place.
import { deleteDocument, getDocument, listDocuments, Refusal } from "./api";
import { confirmDelete } from "./confirm";
import { announce, need, slot } from "./dom";
import { type Doc, gone, PICTURE_WAIT_MS, settled } from "./model";
import { refreshRoom } from "./room";
import { fillRow, newRow } from "./row";
import { describe, fill, pictureDue, words } from "./words";

const BEAT_MS = 1_000;
const BEAT_MAX_MS = 15_000;

interface Entry {
  row: HTMLElement;
  doc: Doc | null; // null: the server rendered it and no answer has named it yet
  since: number; // when it was first seen in this state; 0: long ago
  round: number; // the round of asking in which it came in
}

export class DocumentList {
  private readonly list = need<HTMLElement>("#documents");
  private readonly empty = need<HTMLElement>("#empty");
  private readonly note = need<HTMLElement>("#connection");
  private readonly entries = new Map<string, Entry>();
  private readonly removed = new Set<string>();
  private readonly cursor = this.list.dataset["cursor"] || null;
  private round = 0;
  private failures = 0;
  private asking = false;
  private timer: number | undefined;

  constructor() {
    for (const row of this.list.querySelectorAll<HTMLElement>("[data-id]")) {
      const since = row.hasAttribute("data-busy") ? Date.now() : 0;
      this.entries.set(row.dataset["id"] ?? "", { row, doc: null, since, round: 0 });
    }
    this.list.addEventListener("submit", (event) => this.onSubmit(event));
    document.addEventListener("visibilitychange", () => this.wake());
    window.addEventListener("online", () => this.reconnect());
    this.wake();
  }

  /** Shows a document that has just been accepted. */
  add(doc: Doc): void {
    // What is listed already is known better: an answer that was given again tells of the past.
    if (!this.entries.has(doc.id)) this.show(doc, true);
    refreshRoom();
    this.wake();
  }

  /** Shows one older page. */
  append(docs: Doc[]): void {
    for (const doc of docs) this.show(doc, false);
    this.wake();
  }

  private show(doc: Doc, fresh: boolean): void {
    if (this.removed.has(doc.id)) return;
    const entry = this.entries.get(doc.id);
    if (entry) return this.update(entry, doc);
    const row = newRow(doc);
    const below = [...this.list.children].find((other) => rank(other) < rank(row));
    this.list.insertBefore(row, below ?? null);
    this.entries.set(doc.id, { row, doc, since: fresh ? Date.now() : 0, round: this.round });
    this.empty.hidden = true;
  }

  private update(entry: Entry, doc: Doc): void {
    const before = entry.doc?.state ?? entry.row.dataset["state"];
    if (before !== doc.state) {
      entry.since = Date.now();
      if (settled(doc)) announce(`${doc.name ?? ""}: ${describe(doc).sentence}`);
    }
    entry.doc = doc;
    fillRow(entry.row, doc);
  }

  private restless(entry: Entry): boolean {
    if (entry.doc === null) return entry.row.hasAttribute("data-busy");
    if (!settled(entry.doc)) return true;
    return pictureDue(entry.doc) && Date.now() - entry.since < PICTURE_WAIT_MS;
  }

  private wake(): void {
    let due = false;
    for (const entry of this.entries.values()) {
      const restless = this.restless(entry);
      entry.row.toggleAttribute("data-busy", restless);
      due ||= restless;
    }
    if (!due || this.timer !== undefined || document.hidden) return;
    const pause = Math.min(BEAT_MS * 2 ** this.failures, BEAT_MAX_MS);
    this.timer = window.setTimeout(() => void this.beat(), pause);
  }

  /** The network is there again: what was put off for want of it is asked now. */
  private reconnect(): void {
    if (this.asking) return;
    window.clearTimeout(this.timer);
    this.timer = undefined;
    this.failures = 0;
    this.wake();
  }

  private async beat(): Promise<void> {
    this.round += 1;
    this.asking = true;
    try {
      await this.ask();
      this.failures = 0;
      this.note.hidden = true;
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.failures += 1;
      this.note.hidden = false;
    } finally {
      this.asking = false;
      this.timer = undefined;
      this.wake();
    }
  }

  private async ask(): Promise<void> {
    const round = this.round;
    const page = await listDocuments(this.cursor);
    for (const doc of page.items) this.show(doc, true);
    const named = new Set(page.items.map((doc) => doc.id));
    // Not on the first page any more: pushed down by newer ones, or deleted elsewhere. Ask for each by its id.
    for (const [id, entry] of this.entries) {
      if (named.has(id) || entry.round >= round || !this.restless(entry)) continue;
      const doc = await getDocument(id).catch((error: unknown) => vanished(error));
      if (doc && !gone(doc)) this.update(entry, doc);
      else this.drop(id);
    }
  }

  private drop(id: string): void {
    this.removed.add(id);
    const entry = this.entries.get(id);
    if (!entry) return;
    const neighbour = (entry.row.nextElementSibling ?? entry.row.previousElementSibling) as HTMLElement | null;
    const focused = entry.row.contains(document.activeElement);
    entry.row.remove();
    this.entries.delete(id);
    this.empty.hidden = this.entries.size > 0;
    if (focused) (neighbour ? slot(neighbour, "name") : need("#documents-title")).focus();
  }

  private onSubmit(event: SubmitEvent): void {
    const row = (event.target as HTMLElement).closest<HTMLElement>("[data-id]");
    if (!row) return;
    event.preventDefault();
    void this.remove(row.dataset["id"] ?? "", slot(row, "name").textContent ?? "");
  }

  private async remove(id: string, name: string): Promise<void> {
    if (!(await confirmDelete(name))) return;
    const button = this.entries.get(id)?.row.querySelector<HTMLElement>("[data-slot='delete-button']");
    button?.focus();
    try {
      await deleteDocument(id);
      refreshRoom();
      this.drop(id);
      announce(fill(words().page.deleted, { name }));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      this.complain(id, error);
    }
  }

  private complain(id: string, refusal: Refusal): void {
    const { title, detail } = refusal.problem;
    const row = this.entries.get(id)?.row;
    if (!row) return;
    slot(row, "trouble").hidden = false;
    slot(row, "trouble").textContent = `${title}. ${detail}`;
    announce(`${title}. ${detail}`);
  }
}

/** What the server sorts by, the highest first: when the upload began, then the id. */
const rank = (row: Element): string =>
  `${row.querySelector("time")?.dateTime ?? ""} ${(row as HTMLElement).dataset["id"] ?? ""}`;

function vanished(error: unknown): null {
  if (error instanceof Refusal && [404, 410].includes(error.problem.status)) return null;
  throw error;
}
