import { rmSync, writeFileSync } from 'node:fs';
import { expect, it, onTestFinished } from 'vitest';
import { readBootId } from '../../../node-agent/linux/boot-id.ts';

it('reads the id of this boot, the same each time', async () => {
  const id = await readBootId();
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(await readBootId()).toBe(id);
});

it('says what it found instead', async () => {
  const path = `/tmp/ls-boot-${process.pid}`;
  onTestFinished(() => rmSync(path, { force: true }));
  await expect(readBootId(path)).rejects.toThrow(`${path}: expected this boot's id, found ENOENT`);
  writeFileSync(path, 'no id\n');
  await expect(readBootId(path)).rejects.toThrow(`${path}: expected a boot id (a UUID), found "no id"`);
});
