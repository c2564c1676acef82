// Prints a document for programs: JSON or YAML.
import type { Terminal } from './terminal.ts';

export async function printDocument(
  terminal: Terminal,
  document: unknown,
  format: 'json' | 'yaml',
): Promise<void> {
  terminal.print((format === 'json' ? JSON.stringify(document, null, 2) : await toYaml(document)).trimEnd());
}

/** Loaded on demand: most commands print no YAML. */
async function toYaml(document: unknown): Promise<string> {
  const { stringify } = await import('yaml');
  return stringify(document);
}
