// A manifest: a Host as a person writes it to a file. Unlike on the wire, an unknown field is a typing mistake and is refused.
import { z } from 'zod';
import { generationSchema } from './generation.ts';
import { API_VERSION, annotationsSchema, hostNameSchema, labelsSchema, specSchema } from './host.ts';

/** What `get -o yaml` prints is one too: `status` is taken and ignored. */
export const manifestSchema = z.strictObject({
  apiVersion: z.literal(API_VERSION),
  kind: z.literal('Host'),
  metadata: z.strictObject({
    name: hostNameSchema.describe('The name of the host: an RFC 1123 label.'),
    labels: labelsSchema.optional().describe('All labels of the host; left out, they stay as they are.'),
    annotations: annotationsSchema
      .optional()
      .describe(
        'All annotations of the host; left out, they stay. Of those that begin with lockstep/ only lockstep/reason counts: why the host is so.',
      ),
    generation: generationSchema
      .optional()
      .describe(
        'A precondition of apply: the host is changed only if it is at this generation. Not looked at in a file of the manifests folder, which says what should be, whatever was before.',
      ),
  }),
  spec: specSchema.describe('What the host should be; both fields are required.'),
  status: z.unknown().optional().describe('Ignored, so that what get -o yaml prints can be applied.'),
});
export type Manifest = Omit<z.infer<typeof manifestSchema>, 'status'>;
