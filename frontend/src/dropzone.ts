// Where files come in: the picker, the drop zone (the whole window listens) and the clipboard.
import { need } from "./dom";

interface Receiver {
  files: (files: File[]) => void;
  folder: (name: string) => void;
}

export function startDropzone(receiver: Receiver): void {
  const form = need<HTMLFormElement>("#upload-form");
  const input = need<HTMLInputElement>("#file", form);
  const take = (): void => {
    const files = [...(input.files ?? [])];
    input.value = ""; // so that the same file can be chosen again
    if (files.length > 0) receiver.files(files);
  };
  input.addEventListener("change", take);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    take();
  });
  listenToDrops(form, receiver);
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length > 0) receiver.files(files);
  });
}

function listenToDrops(zone: HTMLElement, receiver: Receiver): void {
  let depth = 0;
  const show = (change: number): void => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle("is-over", depth > 0);
  };
  const ours = (event: DragEvent): boolean => event.dataTransfer?.types.includes("Files") ?? false;
  window.addEventListener("dragenter", (event) => ours(event) && show(1));
  window.addEventListener("dragleave", (event) => ours(event) && show(-1));
  window.addEventListener("dragover", (event) => {
    if (!ours(event) || !event.dataTransfer) return;
    event.preventDefault(); // a file dropped beside the zone must not open in place of the page
    event.dataTransfer.dropEffect = "copy";
  });
  window.addEventListener("drop", (event) => {
    if (!ours(event) || !event.dataTransfer) return;
    event.preventDefault();
    depth = 0;
    show(0);
    accept(event.dataTransfer, receiver);
  });
}

function accept(transfer: DataTransfer, receiver: Receiver): void {
  const folders = new Set<string>();
  for (const item of transfer.items) {
    const entry = item.webkitGetAsEntry();
    if (entry?.isDirectory) folders.add(entry.name);
  }
  folders.forEach((name) => receiver.folder(name));
  const files = [...transfer.files].filter((file) => !folders.has(file.name));
  if (files.length > 0) receiver.files(files);
}
