// Where files come in: the picker, the drop zone (the whole window listens) and the clipboard.
import { need } from "./dom";

interface Receiver {
  files: (files: File[]) => void;
  folder: (name: string, reading: Promise<File[]>) => void;
}

export const FOLDER_MOST = 1_000;

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

/** What was dropped is known in this event alone: entries and files are taken before anything is waited for. */
function accept(transfer: DataTransfer, receiver: Receiver): void {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry());
  const folders = entries.filter((entry) => entry !== null && isFolder(entry)) as FileSystemDirectoryEntry[];
  const names = new Set(folders.map((folder) => folder.name));
  const files = [...transfer.files].filter((file) => !names.has(file.name));
  if (files.length > 0) receiver.files(files);
  for (const folder of folders) receiver.folder(folder.name, filesIn(folder));
}

const isFolder = (entry: FileSystemEntry): entry is FileSystemDirectoryEntry => entry.isDirectory;

/** All files below a folder but hidden ones; where there are too many, one more than FOLDER_MOST. */
async function filesIn(folder: FileSystemDirectoryEntry, found: File[] = []): Promise<File[]> {
  const reader = folder.createReader();
  for (;;) {
    // Some at a time, in the end none.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0 || found.length > FOLDER_MOST) return found;
    for (const entry of some) {
      if (entry.name.startsWith(".") || found.length > FOLDER_MOST) continue;
      if (isFolder(entry)) await filesIn(entry, found);
      else found.push(await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject)));
    }
  }
}
