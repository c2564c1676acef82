// What a person does next about a host that is not as it should be: one sentence, by the first cause. Pure.
import { ANNOTATIONS, type Host } from '../../desired-state/host.ts';
import type { Block } from './explain-blocks.ts';

/** @returns undefined when nothing blocks. */
export function adviseNext(host: Host, first: Block | undefined): string | undefined {
  if (first === undefined) return undefined;
  const { name } = host.metadata;
  switch (first.cause) {
    case 'never-connected':
      return `start lockstep-agent on it with --host ${name} and this controller's address`;
    case 'offline':
      return `look whether lockstep-agent runs on it and reaches this controller; until then the host keeps what it last knew`;
    case 'refused':
      return `say what it should be once more, \`lockstep ${commandFor(host)}\` for what the store says: a change gets a number above what its agent keeps`;
    case 'disk':
      return 'make room on the disk of the host, or repair it: its agent tries again by itself';
    case 'flag-blocked':
      return "clear what stands in the flag's place on the host: its agent looks every 5 s";
    case 'gate':
      return `look at that gate's script on the host, it is tried again by itself; ${giveUp(host)}`;
    case 'service-failed':
      return `look at that service's script on the host, it is tried again by itself${host.spec.servicesEnabled ? `; ${giveUp(host)}` : ''}`;
    case 'service-unknown':
      return "look at that service's status script on the host: what it can't tell is neither started nor stopped";
    case 'services-unread':
      return 'mend what is said of that folder on the host: its agent looks every 5 s';
    case 'left':
      return `say what it should be: \`lockstep lock ${name}\` or \`lockstep unlock ${name}\``;
    case 'under-way':
      return `wait for it: \`lockstep wait ${name} --for condition=Ready\`; \`lockstep plan ${name}\` shows what is left`;
  }
}

/** The command that says what the store says already. */
function commandFor({ metadata, spec }: Host): string {
  const { locked, servicesEnabled } = spec;
  const verb = `${locked ? 'lock' : 'unlock'} ${metadata.name}`;
  return locked === servicesEnabled ? `${verb} --keep-services` : verb;
}

function giveUp({ metadata }: Host): string {
  const file = metadata.annotations[ANNOTATIONS.manifest];
  return file === undefined
    ? `\`lockstep services disable ${metadata.name}\` gives up starting services`
    : `servicesEnabled: false in ${file} gives up starting services`;
}
