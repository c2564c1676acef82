// lockstep manifests: what became of the files of the controller's manifests folder.
import type { Command } from 'commander';
import type { ManifestFile, ManifestFileList } from '../../api/schemas.ts';
import { type Cli, outputOption } from '../cli.ts';
import { age } from '../host-table.ts';
import { printDocument } from '../print-document.ts';
import { type Column, printTable } from '../table.ts';
import { type Colour, oneLine } from '../terminal.ts';

/** More hosts than that are counted, not named. */
const MAX_NAMED_HOSTS = 3;

export function addManifests(program: Command, cli: Cli): void {
  program
    .command('manifests')
    .description("show the files of the controller's manifests folder")
    .addOption(outputOption('table', 'json', 'yaml'))
    .addHelpText(
      'after',
      `
States: Applied, the hosts are as the file says; Refused, something is wrong with the file, and its hosts stay as they are; Pending, not dealt with yet.
The exit code is 0 whatever the states are.

Examples:
  lockstep manifests
  lockstep manifests -o json | jq '.items[] | select(.state == "Refused")'`,
    )
    .action(async ({ output }: { readonly output: 'table' | 'json' | 'yaml' }) => {
      const list = await cli.client().manifests();
      if (output === 'table') show(cli, list);
      else await printDocument(cli.terminal, list, output);
    });
}

function show({ terminal, now }: Cli, { folder, message, items }: ManifestFileList): void {
  if (folder === null) {
    terminal.note(
      'the controller has no manifests folder: `lockstep-controller --data DIR --manifests DIR` starts it with one',
    );
    return;
  }
  if (message !== '') terminal.note(`${oneLine(folder)}: ${oneLine(message)}`);
  if (items.length > 0) printTable(terminal, columns(now()), items, 'wrap');
  else if (message === '') terminal.note(`no manifests in ${oneLine(folder)}`);
}

function columns(nowMs: number): readonly Column<ManifestFile>[] {
  return [
    { header: 'FILE', cell: ({ file }) => file },
    { header: 'STATE', cell: ({ state }) => ({ text: state, colour: STATE_COLOURS[state] }) },
    { header: 'HOSTS', cell: ({ hosts }) => namesOrCount(hosts) },
    { header: 'AGE', cell: ({ since }) => age(since, nowMs) },
    { header: 'MESSAGE', cell: ({ message }) => message },
  ];
}

const STATE_COLOURS: Readonly<Record<ManifestFile['state'], Colour>> = {
  Applied: 'green',
  Refused: 'red',
  Pending: 'yellow',
};

function namesOrCount(hosts: readonly string[]): string {
  if (hosts.length === 0) return '-';
  return hosts.length <= MAX_NAMED_HOSTS ? hosts.join(',') : `${hosts.length} hosts`;
}
