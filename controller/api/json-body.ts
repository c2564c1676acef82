// The JSON of a request's body, and what is said of one that can't be taken. Fastify's own parser calls a key that it refuses no JSON.
import type { FastifyInstance } from 'fastify';
import { LockstepError, messageOf } from '../../desired-state/errors.ts';

/** Bodies of `api` are parsed as Fastify does it, and refused in our words. */
export function parseJsonBodies(api: FastifyInstance): void {
  const parse = api.getDefaultJsonParser('error', 'error');
  api.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, text, done) => {
    parse(request, text, (error, body) => done(error === null ? null : refusalOf(text), body));
  });
}

/** Why Fastify's parser refused `text`. */
function refusalOf(text: string): LockstepError {
  if (text === '') return noBody();
  try {
    JSON.parse(text);
  } catch (cause) {
    return new LockstepError('Invalid', `request body: expected JSON, found: ${messageOf(cause)}`, { cause });
  }
  return new LockstepError(
    'Invalid',
    'request body: expected neither a key __proto__ nor a constructor.prototype, found one: nothing can be called that',
  );
}

export function noBody(): LockstepError {
  return new LockstepError('Invalid', 'request body: expected a JSON object, found none');
}
