// Asks once before something is deleted for good.
import { need, write } from "./dom";

/** Resolves to whether the person agreed. Escape and the backdrop mean no. */
export function confirmDelete(name: string): Promise<boolean> {
  const dialog = need<HTMLDialogElement>("#confirm-delete");
  write(need("[data-slot='name']", dialog), name);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    const closed = (): void => {
      // The end of an earlier question may be told when this one is open already.
      if (dialog.open) return;
      dialog.removeEventListener("close", closed);
      resolve(dialog.returnValue === "delete");
    };
    dialog.addEventListener("close", closed);
  });
}

export function startDialogs(): void {
  for (const dialog of document.querySelectorAll("dialog")) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close("");
    });
  }
}
