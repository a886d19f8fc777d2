/**
 * How far our clock may be off, either way, before a time that another machine wrote is taken for over. Where that is IDCloud's to judge, it still does.
 */
export const CLOCK_TOLERANCE_MS = 15 * 60_000;
