// One document's page: watches until it settles and its picture is there, then shows the page anew.
import { deleteDocument, getDocument, Refusal } from "./api";
import { confirmDelete, startDialogs } from "./confirm";
import { announce, need } from "./dom";
import { PICTURE_WAIT_MS } from "./model";
import { isSharing, startSharing } from "./share";
import { pictureDue } from "./words";

const BEAT_MS = 1_000;
const MOVED = "moved"; // the document whose page is shown anew because its state is another
let deleting = false; // asked whether, or already at it: a page shown anew would forget what the person said

export function startDocument(): void {
  const main = need<HTMLElement>("[data-id]");
  startDialogs();
  startSharing();
  const form = document.querySelector<HTMLFormElement>("#delete-form");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    void remove(main, form);
  });
  tellNews(main);
  if (main.hasAttribute("data-busy")) watch(main, Date.now() + PICTURE_WAIT_MS);
}

async function remove(main: HTMLElement, form: HTMLFormElement): Promise<void> {
  deleting = true;
  deleting = await confirmDelete(main.dataset["name"] ?? "");
  if (!deleting) return;
  try {
    await deleteDocument(main.dataset["id"] ?? "");
    location.assign("/documents");
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    form.submit(); // the way without script says in words what is wrong
  }
}

/** Of a page that is shown anew nothing is read aloud: what has become of the document is said once more. */
function tellNews(main: HTMLElement): void {
  const moved = sessionStorage.getItem(MOVED);
  sessionStorage.removeItem(MOVED);
  if (moved !== main.dataset["id"]) return;
  // A status is read aloud where it changes, and not what it has from the beginning.
  window.setTimeout(() => announce(need("[data-slot='sentence']", main).textContent.trim()), BEAT_MS / 2);
}

const isAsked = (): boolean => deleting || isSharing();

function watch(main: HTMLElement, until: number): void {
  window.setTimeout(() => void look(main, until), BEAT_MS);
}

async function look(main: HTMLElement, until: number): Promise<void> {
  try {
    const doc = await getDocument(main.dataset["id"] ?? "");
    const moved = doc.state !== main.dataset["state"];
    const shown = Number(main.dataset["renditions"]);
    const pictured = doc.renditions.length > shown && (shown === 0 || !pictureDue(doc));
    if ((moved || pictured) && !isAsked()) {
      if (moved) sessionStorage.setItem(MOVED, doc.id);
      return location.reload();
    }
    if (!moved && pictureDue(doc) && Date.now() > until) return;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (!error.problem.again && !isAsked()) return location.reload();
  }
  watch(main, until);
}
