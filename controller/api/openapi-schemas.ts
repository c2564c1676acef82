// The schemas of the API as OpenAPI's components: which of them have a name, and what a schema is in JSON Schema's words.
import { z } from 'zod';
import { conditionSchema } from '../../desired-state/conditions.ts';
import { eventListSchema, storedEventSchema } from '../../desired-state/events.ts';
import {
  annotationsSchema,
  hostListSchema,
  hostNameSchema,
  hostSchema,
  labelsSchema,
  roleSchema,
  specSchema,
  statusSchema,
} from '../../desired-state/host.ts';
import { manifestSchema } from '../../desired-state/manifest.ts';
import {
  applyBodySchema,
  changeListSchema,
  changeSchema,
  columnDefinitionSchema,
  declareBodySchema,
  goneSchema,
  hostPlanSchema,
  lockBodySchema,
  manifestFileListSchema,
  manifestFileSchema,
  okSchema,
  openApiSchema,
  problemSchema,
  servicesBodySchema,
  streamErrorSchema,
  syncedSchema,
  tableSchema,
} from './schemas.ts';

/** By the name that each has in the document; what has none is written out where it is used. */
const COMPONENTS: Readonly<Record<string, readonly [schema: z.ZodType, description: string]>> = {
  Host: [hostSchema, 'What a host should be, and what it reports.'],
  HostList: [hostListSchema, 'Hosts, by name.'],
  Table: [tableSchema, 'What is to be shown of each item of a list, as text. In the words of Kubernetes.'],
  ColumnDefinition: [columnDefinitionSchema, 'A column of a table.'],
  HostName: [hostNameSchema, 'The name of a host: an RFC 1123 label.'],
  Metadata: [hostSchema.shape.metadata, 'Who a host is. generation: +1 for each change of the spec.'],
  Labels: [
    labelsSchema,
    "Labels, by which hosts are selected. Kubernetes' rule for labels, without prefixes.",
  ],
  Annotations: [
    annotationsSchema,
    'Who changed the spec, or said why it is so, last (lockstep/changed-by), when (lockstep/changed-at) and why (lockstep/reason), the file of the manifests folder that declares the host (lockstep/manifest), and what people note.',
  ],
  Spec: [specSchema, 'What a host should be. The two are independent.'],
  Status: [
    statusSchema,
    'What a host reports of itself; the conditions Online and Ready are the controller’s.',
  ],
  Condition: [conditionSchema, "What is observed of a host, as Kubernetes' conditions are."],
  Flags: [statusSchema.shape.flags, 'The two flag files; unknown: no agent has reported them yet.'],
  Service: [statusSchema.shape.services.element, 'A service of the host.'],
  LastPlan: [
    statusSchema.shape.lastPlan.unwrap(),
    'The newest plan that had anything in it, as sentences; at: when it was first so.',
  ],
  Role: [roleSchema, 'A role of a host, and the name of the service set that belongs to it.'],
  Manifest: [manifestSchema, 'A host as a person writes it to a file. An unknown field is refused.'],
  DeclareRequest: [declareBodySchema, 'The host to declare.'],
  ApplyRequest: [applyBodySchema, 'The manifest to apply, and why.'],
  LockRequest: [
    lockBodySchema,
    'Which hosts to lock or unlock; exactly one of names, labelSelector and all.',
  ],
  ServicesRequest: [
    servicesBodySchema,
    'Whose services to enable or disable; exactly one of names, labelSelector and all.',
  ],
  Change: [
    changeSchema,
    'What became of one host. relabelled: its labels or annotations changed, the reason say, its spec did not.',
  ],
  ChangeList: [changeListSchema, 'What became of each host.'],
  Event: [storedEventSchema, 'Something that happened. count equal ones between firstAt and at are one.'],
  EventList: [eventListSchema, 'Events, newest last.'],
  Plan: [hostPlanSchema, 'What an agent would do now, and what is held back, as sentences.'],
  ManifestFile: [
    manifestFileSchema,
    'A file of the manifests folder. Applied: its hosts are as it says; Refused: message says why, and its hosts stay as they are; Pending: not dealt with yet.',
  ],
  ManifestFileList: [
    manifestFileListSchema,
    'The files of the manifests folder; folder is null when the controller has none.',
  ],
  Gone: [goneSchema, 'A host that is gone.'],
  Synced: [syncedSchema, 'Nothing.'],
  StreamError: [streamErrorSchema, 'Why a stream ends.'],
  Health: [okSchema, 'All is well.'],
  OpenApi: [openApiSchema, 'An OpenAPI 3.1 document.'],
  Problem: [problemSchema, 'What went wrong: problem details as RFC 9457 has them.'],
};

export type JsonSchema = Readonly<Record<string, unknown>>;

/** `components.schemas` of the document. */
export function componentSchemas(): Readonly<Record<string, JsonSchema>> {
  // As requests are written: answers have neither defaults nor transformations, and stay open for fields of a newer controller.
  const schemas = toJsonSchemas(componentRegistry(), 'input');
  return Object.fromEntries(
    Object.entries(COMPONENTS).map(([name, [, description]]) => [name, { ...schemas[name], description }]),
  );
}

/** A reference to the component that `schema` is. @throws when it is none: give it a name above. */
export function refTo(schema: z.ZodType): JsonSchema {
  const found = Object.entries(COMPONENTS).find(([, [component]]) => component === schema);
  if (found === undefined) throw new Error('expected a schema with a name in COMPONENTS, found another');
  return { $ref: uriOf(found[0]) };
}

export interface Property {
  readonly name: string;
  readonly description: string | undefined;
  readonly required: boolean;
  readonly schema: JsonSchema;
}

/** The fields of `object`, each as what is meant by its text: a number for a number's digits. */
export function propertiesOf(object: z.ZodObject): readonly Property[] {
  const registry = componentRegistry();
  registry.add(object, { id: 'object' });
  const { properties = {} } = objectSchema.parse(toJsonSchemas(registry, 'output').object);
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    description,
    required: object.shape[name]?.safeParse(undefined).success === false,
    schema,
  }));
}

const objectSchema = z.object({
  properties: z.record(z.string(), z.looseObject({ description: z.string().optional() })).optional(),
});

type Registry = ReturnType<typeof componentRegistry>;

function componentRegistry() {
  const registry = z.registry<{ id: string }>();
  for (const [id, [schema]] of Object.entries(COMPONENTS)) registry.add(schema, { id });
  return registry;
}

function uriOf(id: string): string {
  return `#/components/schemas/${id}`;
}

function toJsonSchemas(registry: Registry, io: 'input' | 'output'): Readonly<Record<string, JsonSchema>> {
  const { schemas } = z.toJSONSchema(registry, {
    io,
    uri: uriOf,
    override({ jsonSchema }) {
      // The format says it all; zod's pattern for it has 300 characters.
      if (jsonSchema.format === 'date-time') delete jsonSchema.pattern;
    },
  });
  return Object.fromEntries(
    Object.entries(schemas).map(([id, { $schema: _dialect, $id: _uri, ...schema }]) => [id, schema]),
  );
}
