// The pages' one entry: style, times in the reader's own zone, and the page's own behaviour.
import "@fontsource-variable/inter/wght.css";
import "./styles/main.scss";
import { startDocument } from "./document";
import { startLibrary } from "./library";
import { startMenu } from "./menu";
import { localiseTimes } from "./words";

document.documentElement.classList.add("js");
// A page that comes back as it was left may show what is no longer so, or a session that has ended.
window.addEventListener("pageshow", (event) => event.persisted && location.reload());
localiseTimes(document);
startMenu();

const pages: Record<string, () => void> = { library: startLibrary, document: startDocument };
pages[document.body.dataset["page"] ?? ""]?.();
