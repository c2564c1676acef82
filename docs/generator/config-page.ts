// docs/reference/config.md: every field of the agent's configuration, from its schema, with the defaults that it really gets.
import { z } from 'zod';
import { formatDuration } from '../../desired-state/duration.ts';
import { type AgentConfig, fileSchema, loadAgentConfig } from '../../node-agent/config.ts';
import { type Field, fieldsOf, jsonSchemaSchema, meaningOf, typeOf } from './json-schema-types.ts';
import { code, fence, page, pageHead, table } from './markdown.ts';

/** Where nothing is configured, on a machine of that name. */
export function defaultConfig(): Promise<AgentConfig> {
  return loadAgentConfig({}, undefined, { hostname: MACHINE, cwd: '/' });
}

const MACHINE = 'compute-0';

export async function configPage(): Promise<string> {
  const fields = fieldsOf(jsonSchemaSchema.parse(z.toJSONSchema(fileSchema, { io: 'input' })));
  const defaults = await defaultConfig();
  return page(
    pageHead("The agent's configuration"),
    'lockstep-agent needs none. What its command line says wins over the file of `--config`, and the file over the defaults. The file is YAML; an unknown or a wrong field is refused (exit code 2), with its name and what was expected. A duration is a number with its unit: `250ms`, `5s`, `2m`, `1h`. lockstep-controller has no file: its [command line](cli.md#lockstep-controller) says all.',
    table(
      ['field', 'type', 'default', 'meaning'],
      fields.map((field) => [
        code(field.path),
        typeOf(field.schema),
        code(defaultOf(field, defaults)) || WITHOUT[field.path] || '',
        meaningOf(field.schema),
      ]),
    ),
    'No flag may be at or above the place of the other flag or of a folder, and stateDir and runDir are two folders.',
    '## The whole file',
    'Every field, with its default or, where there is none, an example:',
    fence(exampleConfig(fields, defaults), 'yaml'),
  );
}

/** Fields whose default is no constant. */
const WITHOUT: Readonly<Record<string, string>> = {
  host: "the machine's name, to its first dot, in lower case",
  controller: 'none',
};

const EXAMPLES: Readonly<Record<string, string>> = {
  host: MACHINE,
  controller: 'unix:/var/lib/lockstep-controller/controller.sock',
};

/** @throws when a field has neither a default in the configuration nor words for it here. */
function defaultOf({ path }: Field, defaults: AgentConfig): string {
  if (path in WITHOUT) return '';
  const value = valueAt(defaults, path);
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  const ms = valueAt(defaults, `${path}Ms`);
  if (typeof ms === 'number') return formatDuration(ms);
  throw new Error(
    `expected a default of ${path} in AgentConfig, or words for it in config-page.ts; found neither`,
  );
}

function valueAt(within: unknown, path: string): unknown {
  let value = within;
  for (const name of path.split('.')) {
    value = Object.entries(Object(value)).find(([key]) => key === name)?.[1];
  }
  return value;
}

function exampleConfig(fields: readonly Field[], defaults: AgentConfig): string {
  let group = '';
  return fields
    .flatMap((field) => {
      const [above = '', name] = field.path.split('.');
      const value = EXAMPLES[field.path] ?? defaultOf(field, defaults);
      if (name === undefined) return [`${above}: ${value}`];
      const head = above === group ? [] : [`${above}:`];
      group = above;
      return [...head, `  ${name}: ${value}`];
    })
    .join('\n');
}
