// lockstep schema: the JSON Schema of manifests, for editors. It asks no controller.
import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { printDocument } from '../print-document.ts';

export function addSchema(program: Command, cli: Cli): void {
  program
    .command('schema')
    .description('print the JSON Schema of manifests, for editors')
    .addHelpText(
      'after',
      `
It is JSON Schema draft 2020-12, for a document that is a Host or a HostList. An editor with yaml-language-server
(VS Code's YAML extension, Neovim, Helix, Emacs) checks and completes a manifest whose first line names the file:

  # yaml-language-server: $schema=lockstep.schema.json

or, in VS Code's settings, every file of a folder: "yaml.schemas": { "./lockstep.schema.json": "hosts/*.yaml" }

Examples:
  lockstep schema > lockstep.schema.json`,
    )
    .action(async () => {
      // Loaded on demand, with YAML.
      const { manifestJsonSchema } = await import('../manifest-json-schema.ts');
      await printDocument(cli.terminal, manifestJsonSchema(), 'json');
    });
}
