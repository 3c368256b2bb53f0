// The line that says how much of the account's space is used; mirrors `room` in uploads/web/words.py.
import { getQuota, Refusal } from "./api";
import type { Quota } from "./model";
import { listed, sizeOf } from "./words";

const PAUSE_MS = 500;
let timer: number | undefined;

/** Asks again, once for all changes within a moment. Where the line is not shown there is no limit. */
export function refreshRoom(): void {
  const line = document.querySelector<HTMLElement>("#room");
  if (line && timer === undefined) timer = window.setTimeout(() => void ask(line), PAUSE_MS);
}

async function ask(line: HTMLElement): Promise<void> {
  timer = undefined;
  try {
    line.textContent = sentence(await getQuota());
  } catch (error) {
    // The old figures stay until the next change.
    if (!(error instanceof Refusal)) throw error;
  }
}

function sentence(quota: Quota): string {
  const parts: string[] = [];
  if (quota.bytes_limit) parts.push(`${sizeOf(quota.bytes_used)} of ${sizeOf(quota.bytes_limit)}`);
  if (quota.files_limit) {
    parts.push(`${quota.files_used.toLocaleString("en")} of ${quota.files_limit.toLocaleString("en")} files`);
  }
  return parts.length > 0 ? `${listed(parts)} used` : "";
}
