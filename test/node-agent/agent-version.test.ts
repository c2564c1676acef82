import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { readAgentVersion } from '../../node-agent/agent-version.ts';

it('reads the version from package.json', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  expect(text).toContain(`"version": "${readAgentVersion()}"`);
});

it('names the file when it is missing or says nothing', () => {
  const path = `/tmp/ls-version-${process.pid}.json`;
  onTestFinished(() => rmSync(path, { force: true }));
  expect(() => readAgentVersion(pathToFileURL(path))).toThrow(
    `${path}: expected the package's JSON, found ENOENT`,
  );
  writeFileSync(path, '{}');
  expect(() => readAgentVersion(pathToFileURL(path))).toThrow(`${path}: version: expected string`);
});
