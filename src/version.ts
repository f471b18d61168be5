import manifest from "../package.json" with { type: "json" };

/** Of the package; the bundle holds it, so that it needs no file beside it. */
export const VERSION: string = manifest.version;
