// The links on a document's page: copying an address, and whether somebody is at the form for one.
import { announce, need } from "./dom";

let begun = false; // a page shown anew would forget what was typed in

export const isSharing = (): boolean => begun;

export function startSharing(): void {
  document.querySelector("#share-form")?.addEventListener("focusin", () => (begun = true));
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", () => void copy(button));
  }
}

async function copy(button: HTMLButtonElement): Promise<void> {
  const line = button.closest<HTMLElement>("[data-link]");
  if (!line) return;
  const address = need<HTMLInputElement>("input", line);
  address.select(); // what the browser will not let us copy, the person can
  try {
    await navigator.clipboard.writeText(address.value);
  } catch {
    return;
  }
  button.textContent = "Copied";
  announce("The link was copied.");
}
