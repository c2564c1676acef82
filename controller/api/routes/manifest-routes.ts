// The route of the manifests folder: which files there are, and what became of each.
import { type Route, route } from '../route.ts';
import { manifestFileListSchema } from '../schemas.ts';

export const manifestRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/v1/manifests',
    operationId: 'listManifests',
    tag: 'manifests',
    summary: 'List the files of the manifests folder, and what became of each.',
    takes: {},
    answers: { 200: { kind: 'json', description: 'The files.', schema: manifestFileListSchema } },
    problems: [],
    async handle(_asked, { manifests }) {
      return { status: 200, json: manifests.list() };
    },
  }),
];
