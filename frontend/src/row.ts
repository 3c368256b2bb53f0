// One document in the list. The markup is the server's (templates/_row.html); this fills it again.
import { icon, slot, stamp, write } from "./dom";
import { type Doc, served } from "./model";
import { describe, localiseTimes, sizeOf, typeOf } from "./words";

export function newRow(doc: Doc): HTMLElement {
  const row = stamp("row");
  row.dataset["id"] = doc.id;
  const home = `/documents/${encodeURIComponent(doc.id)}`;
  for (const link of row.querySelectorAll<HTMLAnchorElement>("[data-href]")) {
    link.href = home + (link.dataset["href"] ?? "");
  }
  slot<HTMLFormElement>(row, "delete").action = `${home}/delete`;
  const time = row.querySelector("time");
  if (time) time.dateTime = doc.created_at;
  localiseTimes(row);
  fillRow(row, doc);
  return row;
}

/** Shows `doc` in `row`. */
export function fillRow(row: HTMLElement, doc: Doc): void {
  const phrase = describe(doc);
  const type = typeOf(doc.type);
  row.dataset["state"] = doc.state;
  row.dataset["tone"] = phrase.tone;
  write(slot(row, "name"), doc.name ?? "");
  write(slot(row, "type"), type.label);
  write(slot(row, "size"), sizeOf(doc.size));
  write(slot(row, "badge"), phrase.badge);
  write(slot(row, "sentence"), phrase.sentence);
  slot(row, "download").hidden = !served(doc);
  slot(row, "download").setAttribute("aria-label", `Download ${doc.name ?? ""}`);
  slot(row, "delete-button").setAttribute("aria-label", `Delete ${doc.name ?? ""}`);
  icon(slot(row, "icon"), type.icon);
  fillPicture(row, doc);
}

function fillPicture(row: HTMLElement, doc: Doc): void {
  const picture = slot<HTMLImageElement>(row, "picture");
  const url = served(doc) ? doc.renditions.find((one) => one.name === "thumbnail-200")?.url : undefined;
  picture.hidden = url === undefined;
  slot(row, "icon").hidden = url !== undefined;
  if (url === undefined) picture.removeAttribute("src");
  else if (picture.src !== new URL(url, location.href).href) picture.src = url;
}
