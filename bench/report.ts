/** One bench's result: what was measured, the figure, and the target beside it. */
export interface Row {
  what: string;
  figure: string;
  target?: string;
  /** Absent where there is no target. */
  pass?: boolean;
}

/** Prints a table that reads the same in a terminal and as Markdown. */
export function printTable(title: string, rows: readonly Row[]): void {
  const cells = rows.map(({ what, figure, target = "", pass }) => [
    what,
    figure,
    target,
    pass === undefined ? "" : pass ? "PASS" : "MISS",
  ]);
  const head = ["what", "figure", "target", "verdict"];
  const widths = head.map((name, column) =>
    Math.max(name.length, ...cells.map((row) => [...row[column]!].length)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell + " ".repeat(widths[column]! - [...cell].length)).join(" | ")} |`;
  const rule = `|${widths.map((width) => "-".repeat(width + 2)).join("|")}|`;
  process.stdout.write(`\n### ${title}\n\n${[line(head), rule, ...cells.map(line)].join("\n")}\n`);
}
