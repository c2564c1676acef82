// docs/reference/api.md: every operation and schema of the API, from its OpenAPI document.
import { z } from 'zod';
import { openApiDocument } from '../../controller/api/openapi.ts';
import { ROUTES } from '../../controller/api/route-table.ts';
import { fieldsOf, type JsonSchema, jsonSchemaSchema, meaningOf, typeOf } from './json-schema-types.ts';
import { anchor, code, page, pageHead, prose, table } from './markdown.ts';

const refSchema = z.object({ $ref: z.string() });

const parameterSchema = z.object({
  name: z.string(),
  in: z.string(),
  description: z.string().optional(),
  required: z.boolean().optional(),
  schema: jsonSchemaSchema,
});

const contentSchema = z.record(
  z.string(),
  z.object({
    schema: jsonSchemaSchema,
    'x-lockstep-events': z
      .record(z.string(), z.object({ description: z.string(), data: jsonSchemaSchema }))
      .optional(),
  }),
);

const answerSchema = z.object({ description: z.string(), content: contentSchema.optional() });

const operationSchema = z.object({
  operationId: z.string(),
  tags: z.array(z.string()),
  summary: z.string(),
  description: z.string().optional(),
  parameters: z.array(z.union([refSchema, parameterSchema])).default([]),
  requestBody: z.object({ content: contentSchema }).optional(),
  responses: z.record(z.string(), z.union([refSchema, answerSchema])),
});
type Operation = z.infer<typeof operationSchema>;

/** The part of OpenAPI 3.1 that the page shows. */
const documentSchema = z.object({
  info: z.object({ description: z.string() }),
  tags: z.array(z.object({ name: z.string(), description: z.string() })),
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.object({
    schemas: z.record(z.string(), jsonSchemaSchema),
    responses: z.record(z.string(), answerSchema),
    parameters: z.record(z.string(), parameterSchema),
  }),
});
type Document = z.infer<typeof documentSchema>;

export function apiPage(): string {
  const document = documentSchema.parse(openApiDocument(ROUTES));
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      heading: `${method.toUpperCase()} ${path}`,
      operation,
    })),
  );
  return page(
    pageHead('HTTP API'),
    // Wrapped by hand there; a page of this kind wraps itself.
    document.info.description,
    'The same as an OpenAPI 3.1 document is what `GET /openapi.json` answers.',
    table(
      ['operation', 'what it does'],
      operations.map(({ heading, operation }) => [
        `[${code(heading)}](${anchor(heading)})`,
        prose(operation.summary),
      ]),
    ),
    ...document.tags.flatMap(({ name, description }) => [
      `## ${name}`,
      prose(description),
      ...operations
        .filter(({ operation }) => operation.tags.includes(name))
        .map(({ heading, operation }) => operationSection(heading, operation, document)),
    ]),
    '## Problems',
    'The body of each is a [Problem](#problem).',
    table(
      ['name', 'status', 'meaning'],
      Object.entries(document.components.responses)
        .map(([name, answer]) => [code(name), statusOf(name, document), prose(answer.description)])
        .filter(([, status]) => status !== ''),
    ),
    '## Schemas',
    ...Object.entries(document.components.schemas).map(([name, schema]) => schemaSection(name, schema)),
  );
}

function operationSection(heading: string, operation: Operation, { components }: Document): string {
  const parameters = operation.parameters.map((parameter) =>
    '$ref' in parameter ? component(components.parameters, parameter.$ref) : parameter,
  );
  const bodies = Object.entries(operation.requestBody?.content ?? {});
  const answers = Object.entries(operation.responses);
  return page(
    `### ${heading}`,
    `${[operation.summary, operation.description]
      .filter((text) => text !== undefined)
      .map(prose)
      .join(' ')} Operation ${code(operation.operationId)}.`,
    table(
      ['parameter', 'in', 'type', 'meaning'],
      parameters.map(({ name, in: place, required, schema, description = '' }) => [
        code(name),
        place,
        typeOf(schema) + defaultOf(schema),
        prose(description) + (required === true ? ' (required)' : ''),
      ]),
    ),
    ...bodies.map(([mediaType, { schema }]) => `Body (${code(mediaType)}): ${typeOf(schema)}.`),
    table(
      ['answer', 'body', 'meaning'],
      answers.flatMap(([status, answer]) =>
        '$ref' in answer ? [] : [[status, bodyOf(answer.content), prose(answer.description)]],
      ),
    ),
    ...answers.flatMap(([, answer]) => ('$ref' in answer ? [] : [eventTable(answer.content)])),
    `Problems: ${answers
      .flatMap(([status, answer]) => ('$ref' in answer ? [`${code(nameOf(answer.$ref))} (${status})`] : []))
      .join(', ')}.`,
  ).trimEnd();
}

function eventTable(content: z.infer<typeof contentSchema> = {}): string {
  return table(
    ['event', 'data', 'meaning'],
    Object.values(content)
      .flatMap((media) => Object.entries(media['x-lockstep-events'] ?? {}))
      .map(([name, { description, data }]) => [code(name), typeOf(data), prose(description)]),
  );
}

function bodyOf(content: z.infer<typeof contentSchema> = {}): string {
  return Object.entries(content)
    .map(([mediaType, { schema }]) => (schema.$ref === undefined ? code(mediaType) : typeOf(schema)))
    .join(' or ');
}

function schemaSection(name: string, schema: JsonSchema): string {
  const fields = fieldsOf(schema);
  return page(
    `### ${name}`,
    meaningOf(schema) + (fields.length === 0 ? ` Type: ${typeOf(schema)}.` : ''),
    table(
      ['field', 'type', 'required', 'meaning'],
      fields.map((field) => [
        code(field.path),
        typeOf(field.schema) + defaultOf(field.schema),
        field.isRequired ? 'yes' : '',
        meaningOf(field.schema),
      ]),
    ),
  ).trimEnd();
}

function defaultOf(schema: JsonSchema): string {
  return schema.default === undefined ? '' : `; default ${code(String(schema.default))}`;
}

/** The status with which operations answer a problem; empty where none does. */
function statusOf(name: string, { paths }: Document): string {
  const statuses = Object.values(paths)
    .flatMap((methods) => Object.values(methods))
    .flatMap(({ responses }) => Object.entries(responses))
    .filter(([, answer]) => '$ref' in answer && nameOf(answer.$ref) === name)
    .map(([status]) => status);
  return statuses[0] ?? '';
}

function component<T>(components: Readonly<Record<string, T>>, ref: string): T {
  const found = components[nameOf(ref)];
  if (found === undefined) throw new Error(`expected a component ${ref}, found none`);
  return found;
}

function nameOf(ref: string): string {
  return ref.split('/').at(-1) ?? ref;
}
