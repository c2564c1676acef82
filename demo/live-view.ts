// The demo's view on a terminal, redrawn in place; where there is no terminal, a plain line for each change.
import type { WriteStream } from 'node:tty';
import { styleText } from 'node:util';
import { describeChanges, renderView } from './render.ts';
import type { RunningDemo } from './running-demo.ts';
import { type Snapshot, watchSnapshots } from './snapshot.ts';

/** As often as a person can read; what changes faster is shown together. */
const FRAME_MS = 50;
/** Ages are shown in seconds. */
const AGE_MS = 1_000;

export interface Texts {
  readonly title: string;
  readonly hints: readonly string[];
}

/** Shows the host until `signal` aborts. */
export async function showHost(
  demo: RunningDemo,
  texts: Texts,
  out: NodeJS.WriteStream,
  signal: AbortSignal,
): Promise<void> {
  if (out.isTTY) await showLive(demo, texts, out, signal);
  else await showPlain(demo, texts, out, signal);
}

async function showPlain(demo: RunningDemo, texts: Texts, out: NodeJS.WriteStream, signal: AbortSignal) {
  let shown: Snapshot = { host: undefined, agent: undefined };
  const print = (lines: readonly string[]) => out.write(lines.map((line) => `${line}\n`).join(''));
  print([texts.title, ...texts.hints]);
  await watchSnapshots(demo, signal, (snapshot) => {
    print(describeChanges(shown, snapshot));
    shown = snapshot;
  });
}

async function showLive(demo: RunningDemo, texts: Texts, out: WriteStream, signal: AbortSignal) {
  let snapshot: Snapshot = { host: undefined, agent: undefined };
  let linesDrawn = 0;
  let frame: NodeJS.Timeout | undefined;
  const draw = () => {
    frame = undefined;
    const lines = renderView(snapshot, {
      ...texts,
      // The last column and row stay free: a terminal wraps and scrolls there.
      columns: Math.max(1, out.columns - 1),
      rows: Math.max(1, out.rows - 1),
      nowMs: Date.now(),
      paint: (colour, text) => styleText(colour, text, { stream: out }),
    });
    // Over what was there, in one write, each line cleared behind its text: nothing flickers.
    const up = linesDrawn === 0 ? '' : `\u001b[${linesDrawn}A`;
    out.write(`${up}\r${lines.map((line) => `${line}\u001b[K\n`).join('')}\u001b[J`);
    linesDrawn = lines.length;
  };
  const drawSoon = () => {
    frame ??= setTimeout(draw, FRAME_MS);
  };
  // A terminal wraps its lines anew at another width: where they are now is not known.
  const onResize = () => {
    out.write('\u001b[H\u001b[2J');
    linesDrawn = 0;
    drawSoon();
  };
  const ageing = setInterval(drawSoon, AGE_MS);
  out.on('resize', onResize);
  out.write('\u001b[?25l');
  try {
    await watchSnapshots(demo, signal, (next) => {
      snapshot = next;
      drawSoon();
    });
  } finally {
    clearInterval(ageing);
    clearTimeout(frame);
    out.off('resize', onResize);
    out.write('\u001b[?25h');
  }
}
