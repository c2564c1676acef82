// The JSON Schema of a manifest's document, made from the schemas that parse it.
import { z } from 'zod';
import { manifestSchema } from '../../desired-state/manifest.ts';
import { manifestListSchema } from '../manifests/parse-manifests.ts';

/** Draft 2020-12, of what is written, not of what is parsed from it. */
export function manifestJsonSchema(): Readonly<Record<string, unknown>> {
  const host = manifestSchema.meta({
    title: 'Host',
    description: 'One host, and what it should be.',
  });
  const list = manifestListSchema.meta({
    title: 'HostList',
    description: 'Several hosts, as `get hosts -o yaml` prints them.',
  });
  const { $schema, ...schema } = z.toJSONSchema(z.discriminatedUnion('kind', [host, list]), {
    target: 'draft-2020-12',
    io: 'input',
  });
  return {
    $schema,
    // A name, not a place: it is published nowhere but by `lockstep schema`.
    $id: 'urn:lockstep:v1:manifest',
    title: 'Lockstep manifest',
    description: 'A document of a file that `lockstep apply` or a manifests folder takes.',
    ...schema,
  };
}
