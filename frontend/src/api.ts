// Talks to the JSON API with the session cookie. A refusal is thrown as a Refusal holding the server's own words.
import type { Doc, Page, Problem, Quota } from "./model";
import { words } from "./words";

export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(problem.title);
  }
}

export const csrfToken = (page = document): string =>
  page.querySelector<HTMLMetaElement>('meta[name="csrf-token"]')?.content ?? "";

/** Reads problem+json; anything else (a proxy's page, nothing at all) becomes the page's own sentence. */
export function toProblem(status: number, body: string, retryAfter: string | null): Problem {
  const again = status === 0 || status === 408 || status === 429 || status >= 500;
  const seconds = Number.parseInt(retryAfter ?? "", 10) || 0;
  const lost = status === 0 || status === 408;
  const said = lost ? null : parse(body);
  const fallback = lost ? words().page.lost : words().page.strange;
  return {
    title: said?.title ?? fallback.title,
    detail: said?.detail ?? fallback.detail,
    status,
    again,
    retryAfter: seconds,
  };
}

function parse(body: string): { title: string; detail: string } | null {
  try {
    const value = JSON.parse(body) as { title?: unknown; detail?: unknown };
    if (typeof value.title === "string") {
      return { title: value.title, detail: typeof value.detail === "string" ? value.detail : "" };
    }
  } catch {
    // Not JSON: not the application's answer.
  }
  return null;
}

let left = false;

/** The session has ended: the one thing to do is to sign in again and come back here. Whoever stays all the same,
 * because files wait, is not asked again for each of them. */
export function goToSignIn(unsent = ""): void {
  if (left) return;
  left = true;
  location.assign(`/sign-in?next=${encodeURIComponent(location.pathname)}${unsent}`);
}

/** Takes the token of the session that there is now: whoever signs out and in again, in another tab, has a new one.
 * False where it is the same, or somebody else's: this page is not theirs. */
export async function renewToken(): Promise<boolean> {
  try {
    const answer = await fetch(location.pathname, { credentials: "same-origin", cache: "no-store" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const token = csrfToken(page);
    if (!token || token === csrfToken() || account(page) !== account(document)) return false;
    document.querySelector('meta[name="csrf-token"]')?.setAttribute("content", token);
    return true;
  } catch {
    return false;
  }
}

const account = (page: Document): string | undefined => page.querySelector(".menu-who strong")?.textContent;

async function call(path: string, method = "GET", again = true): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = csrfToken();
  let answer: Response;
  try {
    answer = await fetch(path, { method, headers, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Refusal(toProblem(0, "", null));
  }
  if (answer.ok) return answer;
  if (answer.status === 401) goToSignIn();
  if (answer.status === 403 && again && (await renewToken())) return call(path, method, false);
  throw new Refusal(toProblem(answer.status, await answer.text(), answer.headers.get("Retry-After")));
}

const PATH = "/api/v1/documents";

export async function listDocuments(cursor: string | null): Promise<Page> {
  const query = new URLSearchParams({ limit: "50", ...(cursor ? { cursor } : {}) });
  return (await (await call(`${PATH}?${query}`)).json()) as Page;
}

export async function getDocument(id: string): Promise<Doc> {
  return (await (await call(`${PATH}/${encodeURIComponent(id)}`)).json()) as Doc;
}

export async function deleteDocument(id: string): Promise<void> {
  await call(`${PATH}/${encodeURIComponent(id)}`, "DELETE");
}

export async function getQuota(): Promise<Quota> {
  return ((await (await call("/api/v1/me")).json()) as { quota: Quota }).quota;
}
