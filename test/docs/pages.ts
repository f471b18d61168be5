/** The project's pages, and what stands in them: fenced snippets, inline code, links and anchors. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

const pagesIn = (folder: string) =>
  readdirSync(join(ROOT, folder), { encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name));

/** Relative to the project. */
export const PAGES: readonly string[] = [".", "docs", "docs/decisions", "deploy"].flatMap(pagesIn);

export const read = (page: string) => readFileSync(join(ROOT, page), "utf8");

export interface Snippet {
  page: string;
  line: number;
  language: string;
  text: string;
  /** Names the snippet in messages and in lists of exceptions. */
  name: string;
}

export function snippetsOf(page: string): Snippet[] {
  const text = read(page);
  return [...text.matchAll(/^```(\S*)\n(.*?)^```$/gms)].map(({ index, 1: language, 2: body }) => {
    const line = text.slice(0, index).split("\n").length;
    return { page, line, language: language!, text: body!, name: `${page}: ${body!.split("\n")[0]!.trim()}` };
  });
}

const withoutSnippets = (page: string) => read(page).replace(/^```.*?^```$/gms, "");

export const inlineCodeOf = (page: string) =>
  [...withoutSnippets(page).matchAll(/`([^`\n]+)`/g)].map(([, code]) => code!);

/** Targets of links and pictures inside the project: `path`, `path#anchor` or `#anchor`. */
export const linksOf = (page: string) =>
  [...withoutSnippets(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target]) => target!)
    .filter((target) => !/^[a-z]+:/.test(target));

export const anchorsOf = (page: string) => anchorsIn(withoutSnippets(page));

/** As GitHub makes them of headings. */
export function anchorsIn(text: string): Set<string> {
  const headings = text.matchAll(/^#+ (.*)$/gm);
  const anchor = (text: string) =>
    text
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
  return new Set([...headings].map(([, text]) => anchor(text!)));
}
