// Prints a document for programs: JSON or YAML.
import type { Terminal } from './terminal.ts';

export async function printDocument(
  terminal: Terminal,
  document: unknown,
  format: 'json' | 'yaml',
): Promise<void> {
  terminal.print((format === 'json' ? toJson(document, 2) : await toYaml(document)).trimEnd());
}

/** @param indent blanks for each level; one line when left out. */
export function toJson(document: unknown, indent?: number): string {
  return escaped(JSON.stringify(document, null, indent));
}

/** Loaded on demand: most commands print no YAML. */
async function toYaml(document: unknown): Promise<string> {
  const { Document, stringify, visit } = await import('yaml');
  const text = stringify(document);
  if (text === escaped(text)) return text;
  const quoted = new Document(document);
  visit(quoted, {
    Scalar(_key, node) {
      if (typeof node.value === 'string' && node.value !== escaped(node.value)) node.type = 'QUOTE_DOUBLE';
    },
  });
  return escaped(quoted.toString());
}

/** What of `text` would drive the reader's terminal, and is left as it is by JSON.stringify and between YAML's double quotes, as both of them have it. */
function escaped(text: string): string {
  return text.replace(
    /[\u007f-\u009f\p{Bidi_C}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
