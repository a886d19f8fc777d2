import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { DEFAULT_CAPTURE_PLAN, fingerName } from '@atesto/shared/domain/biometric';
import { encodePng } from '@atesto/simulators/spid-server/biometrics';
import type { Scene } from './scene.ts';
import type { TimeLine } from './time-line.ts';

const escapeHtml = (text: string) =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c] ?? c);
const image = (png: Uint8Array, alt: string) =>
  `<figure><img alt="${escapeHtml(alt)}" src="data:image/png;base64,${Buffer.from(png).toString('base64')}"><figcaption>${escapeHtml(alt)}</figcaption></figure>`;

/** One page that stands alone: every journey as a time line, and the virtual people's pictures. */
export async function writeReport(lines: readonly TimeLine[], scene: Scene): Promise<string> {
  const cast = [
    { who: 'newcomer', person: scene.newcomer },
    { who: 'registered', person: scene.known },
    { who: 'impostor', person: scene.impostor },
  ].map(
    ({ who, person }) =>
      `<div class="row">${DEFAULT_CAPTURE_PLAN.map((index) => image(encodePng(person.impression(index, 2)), `${who}, ${fingerName(index)}`)).join('')}</div>`,
  );
  const journeys = await Promise.all(
    lines.map(async (line, i) => {
      const length = Math.max(1, line.steps.at(-1)?.ms ?? 1);
      const steps = line.steps
        .map(
          ({ ms, what }) =>
            `<li><span class="at">${ms} ms</span><span class="bar"><i style="left:${((100 * ms) / length).toFixed(1)}%"></i></span><span>${escapeHtml(what)}</span></li>`,
        )
        .join('');
      const files = await Promise.all(
        line.files.map(async ({ what, file }) =>
          file.endsWith('.png')
            ? image(await readFile(file), what)
            : `<p><a href="${escapeHtml(path.basename(file))}">${escapeHtml(what)}</a></p>`,
        ),
      );
      return `<section class="${line.passed ? 'passed' : 'failed'}"><h2>${i + 1}. ${escapeHtml(line.title)} <small>${escapeHtml(line.verdict)}</small></h2><ol>${steps}</ol>${files.join('')}</section>`;
    }),
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Atesto demo</title>
<style>
body{font:15px/1.5 system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;color:#1b2733}
h1{font-size:1.6rem}h2{font-size:1.1rem;margin:0 0 .5rem}small{font-weight:normal;color:#567}
section{border:1px solid #d5dde5;border-left:6px solid #2a8a57;border-radius:6px;padding:1rem;margin:1rem 0}
section.failed{border-left-color:#c0392b}
ol{list-style:none;padding:0;margin:0}li{display:grid;grid-template-columns:5.5rem 8rem 1fr;gap:.8rem;align-items:center}
.at{text-align:right;color:#567;font-variant-numeric:tabular-nums}.bar{position:relative;height:4px;background:#e6ecf2;border-radius:2px}
.bar i{position:absolute;top:-3px;width:10px;height:10px;margin-left:-5px;border-radius:50%;background:#2a8a57}
.row{display:flex;gap:.8rem;flex-wrap:wrap}figure{margin:.4rem 0}img{height:170px;border:1px solid #d5dde5;border-radius:4px}
figcaption{font-size:.8rem;color:#567}
</style>
<h1>Atesto demo</h1>
<p>Every service ran as a process of its own; the bridge's real driver read a virtual U.are.U 4500. All people are virtual: their fingerprints are generated, their faces drawn.</p>
${journeys.join('\n')}
<h2>Who was at the reader</h2>
${cast.join('\n')}
</html>`;
}
