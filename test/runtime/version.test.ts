import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { VERSION } from '../../runtime/version.ts';

it('is the version that package.json names', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  expect(text).toContain(`"version": "${VERSION}"`);
});
