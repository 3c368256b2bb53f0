// Sends one file: asks first whether it would be refused, then uploads it. XMLHttpRequest, because fetch does not tell
// how far an upload has come, and because one that was stopped simply stays silent.
import { csrfToken, goToSignIn, Refusal, renewToken, toProblem } from "./api";
import type { Doc } from "./model";
import { words } from "./words";

export interface Transfer {
  done: Promise<Doc>;
  stop: () => void;
}

/** What has one file sent once, however often it is tried: the same value with each try (Idempotency-Key). */
export const newKey = (): string =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

/**
 * Uploads `file`, at most once under `key`; `onProgress` is told bytes sent so far. Rejects with a Refusal in the
 * server's words.
 */
export function send(file: File, key: string, onProgress: (sent: number) => void): Transfer {
  let request: XMLHttpRequest;
  let stopped = false;
  const upload = (): Promise<Doc> => {
    request = new XMLHttpRequest();
    // What the browser counts includes the form's own few lines: never show more than the file has.
    request.upload.addEventListener("progress", (event) => onProgress(Math.min(event.loaded, file.size)));
    const form = new FormData();
    form.append("file", file, file.name);
    return post<Doc>(request, "/api/v1/documents", 202, form, { "Idempotency-Key": key });
  };
  const both = (): Promise<Doc> => ask((request = new XMLHttpRequest()), file).then(upload);
  const renewed = async (error: unknown): Promise<Doc> => {
    const stale = error instanceof Refusal && error.problem.status === 403 && (await renewToken());
    if (!stale || stopped) throw error;
    return both();
  };
  const stop = (): void => {
    stopped = true;
    request.abort();
  };
  return { done: both().catch(renewed), stop };
}

interface Advice {
  problem: { status: number } | null; // the members of a problem document
}

/** Advice that saves a useless upload: whatever passes is judged again while it comes in. */
async function ask(request: XMLHttpRequest, file: File): Promise<void> {
  const form = new FormData();
  form.append("size", String(file.size));
  form.append("file", file.slice(0, words().policy.head_bytes, file.type), file.name);
  const { problem } = await post<Advice>(request, "/upload-check", 200, form);
  if (problem) throw new Refusal(toProblem(problem.status, JSON.stringify(problem), null));
}

function post<T>(
  request: XMLHttpRequest,
  path: string,
  wanted: number,
  form: FormData,
  headers: Record<string, string> = {},
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const refuse = (): void => {
      const retryAfter = request.status === 0 ? null : request.getResponseHeader("Retry-After");
      reject(new Refusal(toProblem(request.status, JSON.stringify(request.response), retryAfter)));
    };
    request.addEventListener("load", () => {
      if (request.status === wanted && request.response !== null) return resolve(request.response as T);
      if (request.status === 401) goToSignIn("&unsent=1");
      refuse();
    });
    request.addEventListener("error", refuse);
    request.addEventListener("timeout", refuse);
    request.open("POST", path);
    request.responseType = "json"; // anything else arrives as null
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRF-Token", csrfToken());
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.send(form);
  });
}
