/** What happened in one journey, and when. */
export class TimeLine {
  readonly title: string;
  readonly steps: { ms: number; what: string }[] = [];
  /** Files that the journey left, by what they show. */
  readonly files: { what: string; file: string }[] = [];
  verdict = 'not ended';
  passed = false;
  onStep: (line: string) => void = () => {};
  readonly #began = performance.now();

  constructor(title: string) {
    this.title = title;
  }

  /** Adds a step that has just happened. */
  step = (what: string): void => {
    const ms = Math.round(performance.now() - this.#began);
    this.steps.push({ ms, what });
    this.onStep(`${String(ms).padStart(6)} ms  ${what}`);
  };

  /** Fails the journey unless `actual` is what was expected. */
  expect(what: string, actual: unknown, expected: unknown): void {
    if (JSON.stringify(actual) !== JSON.stringify(expected)) {
      throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
    }
  }

  end(error?: unknown): void {
    this.passed = error === undefined;
    this.verdict = this.passed ? '✔ passed' : `✘ failed: ${error instanceof Error ? error.message : String(error)}`;
  }
}
