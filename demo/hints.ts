// What to try in a second terminal, as commands that work when they are pasted there.
import { join, relative } from 'node:path';
import { quote } from './sample-scripts.ts';
import { HOST, type Sandbox } from './sandbox.ts';

/** @param checkout where the commands are typed. */
export function describeHints(sandbox: Sandbox, checkout: string): readonly string[] {
  const { dir, root, socket, flags, services } = sandbox;
  const near = (path: string) => {
    const way = relative(checkout, path);
    return quote(way.startsWith('..') ? path : way);
  };
  // The CLI finds the controller of ./.lockstep by itself.
  const isFound = sandbox.isSocketInside && dir === join(checkout, '.lockstep');
  const cli = `bin/lockstep${isFound ? '' : ` --controller ${quote(`unix:${socket}`)}`}`;
  return [
    `Try in a second terminal, in ${checkout}:`,
    `  ${cli} lock ${HOST}`,
    `  ${cli} unlock ${HOST} --wait`,
    `  rm ${near(flags.volatile)}`,
    `  touch ${near(flags.persistent)}`,
    ...services.slice(-1).map(({ pidFile }) => `  kill -9 $(cat ${near(pidFile)})`),
    `  ${cli} get hosts`,
    `  bin/lockstep-agent status --root ${near(root)}`,
    `Its logs are in ${near(dir)}. Ctrl-C ends all of it.`,
  ];
}
