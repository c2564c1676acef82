import { writeFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseActions, ScriptActionsCache } from '../../../../node-agent/linux/scripts/script-actions.ts';
import { listScripts, type ScriptFile } from '../../../../node-agent/linux/scripts/script-sets.ts';
import { Sandbox } from './sandbox.ts';

describe('whether a script answers status', () => {
  it.each([
    ['a case branch', '#!/bin/sh\ncase $1 in\nstatus) ;;\nesac', true],
    ['a usage line', '#!/bin/sh\necho "usage: $0 start|stop|status"', true],
    ['no word of it', '#!/bin/sh\nexit 0', false],
    ['only in comments', '#!/bin/sh\n# start, stop, status\n   # status\n\t#status', false],
    ['only in the shebang', '#!/usr/bin/status', false],
    ['after code on its line', '#!/bin/sh\ntrue # status', true],
    ['a part of a longer word', '#!/bin/sh\nexit_status=1; statuses=2', false],
    ['upper case', '#!/bin/sh\nSTATUS=1', false],
    ['carriage returns', '#!/bin/sh\r\nstatus)\r\n', true],
    ['an empty file', '', false],
  ])('%s', (_, head, expected) => {
    expect(parseActions(head).hasStatus).toBe(expected);
  });

  const comment = fc
    .tuple(fc.constantFrom('', ' ', '\t '), fc.string())
    .map(([blank, text]) => `${blank}#${text}`);

  it('never takes it from comment lines, whatever they hold', () => {
    fc.assert(
      fc.property(fc.array(comment.map((line) => `${line.replaceAll('\n', ' ')} status`)), (lines) => {
        expect(parseActions(lines.join('\n')).hasStatus).toBe(false);
      }),
    );
  });

  it('finds it as a word on any other line, wherever that stands', () => {
    const lines = fc.array(fc.string({ unit: 'grapheme-ascii' }));
    fc.assert(
      fc.property(
        lines,
        lines,
        fc.constantFrom('status)', '  status', '"$1" = status', 'a|status|b'),
        (before, after, line) => {
          expect(parseActions([...before, line, ...after].join('\n')).hasStatus).toBe(true);
        },
      ),
    );
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (head) => {
        expect(typeof parseActions(head).hasStatus).toBe('boolean');
      }),
    );
  });
});

describe('the pid file that a script names', () => {
  it.each([
    ['as SysV scripts have it', '#!/bin/sh\n# pidfile: /run/x.pid\n', '/run/x.pid'],
    ['in other letters', '#!/bin/sh\n# PidFile: /run/x.pid', '/run/x.pid'],
    ['without blanks', '#pidfile:/run/x.pid', '/run/x.pid'],
    ['with blanks in it and around it', '  ##  pidfile :  /run/my x.pid  \r', '/run/my x.pid'],
    ['the first of two', '# pidfile: /run/a.pid\n# pidfile: /run/b.pid', '/run/a.pid'],
    ['outside a comment', 'pidfile: /run/x.pid\npidfile=/run/x.pid', undefined],
    ['not absolute', '# pidfile: x.pid', undefined],
    ['without a path', '# pidfile:', undefined],
    ['in the middle of a sentence', '# the pidfile: /run/x.pid', undefined],
  ])('%s', (_, head, expected) => {
    expect(parseActions(head).pidFile).toBe(expected);
  });

  it('is taken literally', () => {
    const segment = fc.stringMatching(/^[A-Za-z0-9._-]+$/);
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1 }), (segments) => {
        const path = `/${segments.join('/')}`;
        expect(parseActions(`#!/bin/sh\n# pidfile: ${path}\n`).pidFile).toBe(path);
      }),
    );
  });
});

describe('the cache', () => {
  async function only(sandbox: Sandbox): Promise<ScriptFile> {
    const [script] = (await listScripts(sandbox.path('set'))).scripts;
    if (script === undefined) throw new Error('expected a script');
    return script;
  }

  it('reads a script again only after it changed', async () => {
    const sandbox = new Sandbox();
    const path = sandbox.script('set/x', 'exit 0');
    const cache = new ScriptActionsCache();
    const first = await cache.read(await only(sandbox));
    expect(first.hasStatus).toBe(false);
    expect(await cache.read(await only(sandbox))).toBe(first);
    writeFileSync(path, '#!/bin/sh\nstatus) ;;\n');
    expect((await cache.read(await only(sandbox))).hasStatus).toBe(true);
  });

  it('forgets scripts that are gone', async () => {
    const sandbox = new Sandbox();
    sandbox.script('set/x', 'exit 0');
    const cache = new ScriptActionsCache();
    const script = await only(sandbox);
    const first = await cache.read(script);
    cache.keepOnly([]);
    expect(await cache.read(script)).not.toBe(first);
  });

  it('looks at the first 64 KiB only', async () => {
    const sandbox = new Sandbox();
    sandbox.script('set/x', `${'# padding\n'.repeat(7_000)}status)`);
    expect((await new ScriptActionsCache().read(await only(sandbox))).hasStatus).toBe(false);
  });
});
