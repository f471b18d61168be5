/** What plugins tell the doctor. */

/** One thing that was examined, for people: what was found, and, if it is wrong, what to do about it. */
export interface Finding {
  ok: boolean;
  text: string;
  todo?: string;
}

/** Where something connects to. `tls`: from the first byte on; `unverified`: its certificate is not asked for. */
export interface Address {
  host: string;
  port: number;
  tls: boolean;
  unverified?: boolean;
  /** It answers HTTP requests there. */
  isHttp?: true;
}
