// What a JSON Schema says of a value, in words. Pure: it reads the part of JSON Schema that zod writes.
import { z } from 'zod';
import { anchor, code, prose } from './markdown.ts';

const scalarSchema = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** The keywords that are told; others are passed over. */
export const jsonSchemaSchema = z.looseObject({
  $ref: z.string().optional(),
  title: z.string().optional(),
  description: z.string().optional(),
  type: z
    .union([z.string(), z.array(z.string())])
    .transform((type) => [type].flat().join(' or '))
    .optional(),
  format: z.string().optional(),
  const: scalarSchema.optional(),
  enum: z.array(scalarSchema).optional(),
  default: scalarSchema.optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  minLength: z.number().optional(),
  maxLength: z.number().optional(),
  minItems: z.number().optional(),
  maxItems: z.number().optional(),
  required: z.array(z.string()).optional(),
  get items() {
    return jsonSchemaSchema.optional();
  },
  get properties() {
    return z.record(z.string(), jsonSchemaSchema).optional();
  },
  get additionalProperties() {
    return z.union([z.boolean(), jsonSchemaSchema]).optional();
  },
  get anyOf() {
    return z.array(jsonSchemaSchema).optional();
  },
  get oneOf() {
    return z.array(jsonSchemaSchema).optional();
  },
});
export type JsonSchema = z.infer<typeof jsonSchemaSchema>;

/** As Markdown: `string, at most 64 characters`, list of [Host](#host). */
export function typeOf(schema: JsonSchema): string {
  const limits = bounds(schema);
  return limits === '' ? kindOf(schema) : `${kindOf(schema)}, ${limits}`;
}

function kindOf(schema: JsonSchema): string {
  const { additionalProperties: values, items } = schema;
  if (schema.$ref !== undefined) return link(schema.$ref);
  if (schema.title !== undefined) return schema.title;
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.enum !== undefined) return schema.enum.map((value) => code(String(value))).join(', ');
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return [...new Set(alternatives.map(typeOf))].join(' or ');
  if (schema.type === 'array') return `list of ${items === undefined ? 'anything' : withinList(items)}`;
  if (schema.type === 'object' && typeof values === 'object') return `map of ${withinList(values)}`;
  return schema.format === 'date-time' ? 'time, RFC 3339' : (schema.type ?? 'anything');
}

function withinList(item: JsonSchema): string {
  const limits = bounds(item);
  return limits === '' ? kindOf(item) : `${kindOf(item)} (${limits})`;
}

export interface Field {
  /** `services.timeout`; `items[].file` within a list. */
  readonly path: string;
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
}

/** The fields of an object, and in their places those of the objects within it that have no name of their own. */
export function fieldsOf(schema: JsonSchema, above = ''): readonly Field[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${above}${name}`;
    const isRequired = schema.required?.includes(name) === true;
    if (field.properties !== undefined) return fieldsOf(field, `${path}.`);
    if (field.items?.properties !== undefined) return fieldsOf(field.items, `${path}[].`);
    return [{ path, schema: field, isRequired }];
  });
}

export function meaningOf({ description = '' }: JsonSchema): string {
  return prose(description);
}

/** Far above what anybody would write down as a bound: JavaScript's largest exact integer. */
const UNBOUNDED = Number.MAX_SAFE_INTEGER;

function bounds(schema: JsonSchema): string {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems } = schema;
  const said = [
    range(minimum, maximum, ''),
    range(minLength, maxLength, 'character'),
    range(minItems, maxItems, 'item'),
  ].filter((text) => text !== '');
  // A title tells them already.
  return schema.title === undefined ? said.join(', ') : '';
}

function range(min: number | undefined, max: number | undefined, unit: string): string {
  const from = min === undefined || min <= -UNBOUNDED || (min === 0 && unit !== '') ? undefined : min;
  const to = max === undefined || max >= UNBOUNDED ? undefined : max;
  const things = unit === '' ? '' : ` ${unit}${(to ?? from) === 1 ? '' : 's'}`;
  if (from !== undefined && to !== undefined) return `${from} to ${to}${things}`;
  if (from !== undefined) return `at least ${from}${things}`;
  return to === undefined ? '' : `at most ${to}${things}`;
}

function link(ref: string): string {
  const name = ref.split('/').at(-1) ?? ref;
  return `[${name}](${anchor(name)})`;
}
