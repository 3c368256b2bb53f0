// The page with the drop zone and the list: joins the two.
import { listDocuments, Refusal } from "./api";
import { startDialogs } from "./confirm";
import { announce, need } from "./dom";
import { startDropzone } from "./dropzone";
import { DocumentList } from "./list";
import { UploadQueue } from "./queue";

export function startLibrary(): void {
  const list = new DocumentList();
  const queue = new UploadQueue(need("#uploads"), (doc) => list.add(doc));
  startDialogs();
  startDropzone({ files: (files) => queue.add(files), folder: (name, reading) => void queue.addFolder(name, reading) });
  startPaging(list);
}

/** "Older documents" is a link to the next page; with script it puts that page below this one. */
function startPaging(list: DocumentList): void {
  const link = document.querySelector<HTMLAnchorElement>("#older");
  link?.addEventListener("click", (event) => {
    event.preventDefault();
    void showOlder(link, list);
  });
}

async function showOlder(link: HTMLAnchorElement, list: DocumentList): Promise<void> {
  try {
    const page = await listDocuments(link.dataset["cursor"] ?? null);
    list.append(page.items);
    link.hidden = page.next_cursor === null;
    link.dataset["cursor"] = page.next_cursor ?? "";
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    announce(`${error.problem.title}. ${error.problem.detail}`);
    location.assign(link.href);
  }
}
