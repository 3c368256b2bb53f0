// Small things over the DOM: required elements, copies of <template>s, the status line that is read aloud.

export function need<T extends HTMLElement>(selector: string, root: ParentNode = document): T {
  const found = root.querySelector<T>(selector);
  if (!found) throw new Error(`The page lacks ${selector}`);
  return found;
}

/** A fresh copy of the one element inside <template id="…">. */
export function stamp(id: string): HTMLElement {
  const template = need<HTMLTemplateElement>(`template#${id}`);
  const element = template.content.firstElementChild?.cloneNode(true);
  if (!(element instanceof HTMLElement)) throw new Error(`The template ${id} is empty`);
  return element;
}

export const slot = <T extends HTMLElement>(root: ParentNode, name: string): T =>
  need<T>(`[data-slot="${name}"]`, root);

/** Writes only what changed: a screen reader would read an unchanged line again. */
export function write(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets only what changed: with each new address the browser asks for the file of icons again. */
export function icon(element: Element, name: string): void {
  const use = element.querySelector("use");
  const [address, shown] = use?.getAttribute("href")?.split("#") ?? [];
  if (shown !== name) use?.setAttribute("href", `${address ?? ""}#${name}`);
}

/** Says a sentence to people who do not see the page change. */
export function announce(text: string): void {
  write(need("#status"), text);
}
