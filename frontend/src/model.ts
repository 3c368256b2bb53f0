// The API's shapes, as far as the pages read them (see API.md, version 1).

export interface Engine {
  name: string;
  version: string;
  outcome: string;
  finding: string | null;
}

export interface Rendition {
  name: string;
  url: string;
}

export interface Doc {
  id: string;
  name: string | null;
  size: number;
  type: string;
  state: string;
  verdict: { outcome: string; reason: string | null; engines: Engine[] } | null;
  renditions: Rendition[];
  created_at: string;
}

export interface Quota {
  bytes_used: number;
  bytes_limit: number | null;
  files_used: number;
  files_limit: number | null;
}

export interface Page {
  items: Doc[];
  next_cursor: string | null;
}

/** What went wrong, in words; `again` says whether the same file may be tried again. */
export interface Problem {
  title: string;
  detail: string;
  status: number;
  again: boolean;
  retryAfter: number;
}

// A picture is made after the verdict and waits its turn behind other files; as in uploads/web/rows.py.
export const PICTURE_WAIT_MS = 120_000;
const UNSETTLED = new Set(["receiving", "quarantined", "scanning"]);
const GONE = new Set(["deleted", "expired"]);
const SERVED = new Set(["clean", "released"]);

export const settled = (doc: Doc): boolean => !UNSETTLED.has(doc.state);
export const gone = (doc: Doc): boolean => GONE.has(doc.state);
export const served = (doc: Doc): boolean => SERVED.has(doc.state);
