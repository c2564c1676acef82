// The programs in bin/ of what is installed: sh scripts, as those of a checkout are. Pure.

/** A program: the name that people type, and its source in the checkout. */
export interface Program {
  readonly name: string;
  readonly entry: string;
  /** Options of Node. */
  readonly nodeOptions: readonly string[];
}

/** node:sqlite is stable enough for what is asked of it, and says so on every start. */
const QUIET = '--disable-warning=ExperimentalWarning';

export const PROGRAMS: readonly Program[] = [
  {
    name: 'lockstep',
    entry: 'controller/cli/main.ts',
    // It lives for a moment: with room for all that it makes, MiB, it is done before anything has to be collected. A tenth of `get hosts` of 1,000 hosts.
    nodeOptions: [QUIET, '--min-semi-space-size=16'],
  },
  { name: 'lockstep-controller', entry: 'controller/main.ts', nodeOptions: [QUIET] },
  { name: 'lockstep-agent', entry: 'node-agent/main.ts', nodeOptions: [QUIET] },
];

/** No program and no subshell runs on the way, except where a link leads there: each costs a millisecond of every start. */
export function launcher({ name, nodeOptions }: Program): string {
  return `#!/bin/sh
# Replaces the shell by the Node of this folder, so the process started is the program.
self=$0
if [ -h "$self" ]; then self=$(readlink -f "$self"); fi
case $self in /*) ;; *) self=./$self ;; esac
lib=\${self%/*}/../lib
if [ ! -x "$lib/node" ]; then
  echo "${name}: expected its Node at $lib/node, found none: install the whole folder that npm run build makes" >&2
  exit 1
fi
exec "$lib/node" ${nodeOptions.join(' ')} "$lib/${name}.cjs" "$@"
`;
}
