// The account's menu: Escape, a click beside it and leaving it by keyboard close it, as everybody expects of one.

export function startMenu(): void {
  const menu = document.querySelector<HTMLDetailsElement>("details.menu");
  if (!menu) return;
  const holds = (target: EventTarget | null): boolean => target instanceof Node && menu.contains(target);
  document.addEventListener("keydown", (event) => {
    // A dialog that is open has the key to itself.
    if (event.key !== "Escape" || !menu.open || document.querySelector("dialog[open]")) return;
    if (holds(document.activeElement)) menu.querySelector("summary")?.focus();
    menu.open = false;
  });
  document.addEventListener("pointerdown", (event) => {
    if (!holds(event.target)) menu.open = false;
  });
  menu.addEventListener("focusout", (event) => {
    if (event.relatedTarget && !holds(event.relatedTarget)) menu.open = false;
  });
}
