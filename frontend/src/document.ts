// One document's page: watches until it settles and its picture is there, then shows the page anew.
import { getDocument, Refusal } from "./api";
import { confirmDelete, startDialogs } from "./confirm";
import { need } from "./dom";
import { pictureDue } from "./model";

const BEAT_MS = 1_000;
const PICTURE_WAIT_MS = 15_000;

export function startDocument(): void {
  const main = need<HTMLElement>("[data-id]");
  startDialogs();
  const form = document.querySelector<HTMLFormElement>("#delete-form");
  form?.addEventListener("submit", (event) => {
    event.preventDefault();
    void confirmDelete(main.dataset["name"] ?? "").then((agreed) => agreed && form.submit());
  });
  if (main.hasAttribute("data-busy")) watch(main, Date.now() + PICTURE_WAIT_MS);
}

function watch(main: HTMLElement, until: number): void {
  window.setTimeout(() => void look(main, until), BEAT_MS);
}

async function look(main: HTMLElement, until: number): Promise<void> {
  try {
    const doc = await getDocument(main.dataset["id"] ?? "");
    const moved = doc.state !== main.dataset["state"];
    const pictured = doc.renditions.length > Number(main.dataset["renditions"]);
    if (moved || pictured) return location.reload();
    if (pictureDue(doc) && Date.now() > until) return;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (!error.problem.again) return location.reload();
  }
  watch(main, until);
}
