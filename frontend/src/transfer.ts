// Sends one file. XMLHttpRequest, because fetch does not tell how far an upload has come.
import { csrfToken, goToSignIn, Refusal, toProblem } from "./api";
import type { Doc } from "./model";

export interface Transfer {
  done: Promise<Doc>;
  stop: () => void;
}

/** Uploads `file`; `onProgress` is told bytes sent so far. Rejects with a Refusal in the server's words. */
export function send(file: File, onProgress: (sent: number) => void): Transfer {
  const request = new XMLHttpRequest();
  const done = new Promise<Doc>((resolve, reject) => {
    const refuse = (status: number, body: string): void => {
      const retryAfter = status === 0 ? null : request.getResponseHeader("Retry-After");
      reject(new Refusal(toProblem(status, body, retryAfter)));
    };
    // What the browser counts includes the form's own few lines: never show more than the file has.
    request.upload.addEventListener("progress", (event) => onProgress(Math.min(event.loaded, file.size)));
    request.addEventListener("load", () => {
      if (request.status === 202) return resolve(JSON.parse(request.responseText) as Doc);
      if (request.status === 401) goToSignIn();
      refuse(request.status, request.responseText);
    });
    request.addEventListener("error", () => refuse(0, ""));
    request.addEventListener("timeout", () => refuse(0, ""));
  });
  const form = new FormData();
  form.append("file", file, file.name);
  request.open("POST", "/api/v1/documents");
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("X-CSRF-Token", csrfToken());
  request.send(form);
  return { done, stop: () => request.abort() };
}
