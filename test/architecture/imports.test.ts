// The house's rules, enforced: imports go one way, the pure folders touch nothing of the world, only composition roots build adapters.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** Which top-level folders each may import from, itself included (design.md, "The house"). */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'desired-state': ['desired-state'],
  reconcilers: ['desired-state', 'reconcilers'],
  'node-agent': ['desired-state', 'reconcilers', 'runtime', 'node-agent'],
  controller: ['desired-state', 'reconcilers', 'runtime', 'controller'],
  runtime: ['desired-state', 'reconcilers', 'runtime', 'package.json'],
};

/** Node's modules that reach a file, a socket, a process, a timer, a clock or the environment. */
const WORLDLY = /^node:(?!crypto$|path(\/posix)?$|util$)/;
/** Names that reach the same without an import. */
const WORLDLY_GLOBALS =
  /(?<![.\w])(process\.(?!nextTick)|setTimeout\(|setInterval\(|setImmediate\(|Date\.now\(|new Date\(\)|performance\.|Math\.random\(|fetch\()/;
/** Packages that do nothing but compute. */
const PURE_PACKAGES = ['zod', 'p-queue'];

/** Adapters: what a composition root builds, and nothing else imports. */
const ADAPTER = /^(node-agent\/linux\/|runtime\/(?!(version|prometheus)\.ts)|desired-state\/store\/sqlite\/)/;
/** Where adapters may be built: each program's main and its daemon, and what is itself an adapter. */
const COMPOSITION_ROOT = /(^|\/)(main|command-line|daemon)\.ts$/;

describe('the import rules', () => {
  it.each(Object.entries(ALLOWED))('%s imports only from where it may', (folder, allowed) => {
    const wrong = filesOf(folder).flatMap((file) =>
      importsOf(file)
        .filter(({ target }) => target !== undefined && !allowed.includes(topOf(target)))
        .map(({ specifier }) => `${file} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  it('sees files and imports at all', () => {
    expect(filesOf('reconcilers').length).toBeGreaterThan(10);
    expect(filesOf('reconcilers').flatMap(importsOf).length).toBeGreaterThan(20);
  });

  it('schemas and reconcilers reach no file, socket, process, timer, clock or environment', () => {
    const pure = [...filesOf('desired-state'), ...filesOf('reconcilers')].filter(
      (file) => !ADAPTER.test(file),
    );
    const wrong = pure.flatMap((file) => [
      ...importsOf(file)
        .filter(({ specifier, target }) => target === undefined && !isPureModule(specifier))
        .map(({ specifier }) => `${file} imports ${specifier}`),
      ...codeLinesOf(file)
        .filter((line) => WORLDLY_GLOBALS.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    ]);
    expect(wrong).toEqual([]);
  });

  it('only composition roots and adapters import adapters', () => {
    const wrong = Object.keys(ALLOWED)
      .flatMap(filesOf)
      .filter((file) => !COMPOSITION_ROOT.test(file) && !ADAPTER.test(file))
      .flatMap((file) =>
        importsOf(file)
          .filter(({ target, isType }) => target !== undefined && ADAPTER.test(target) && !isType)
          .map(({ specifier }) => `${file} imports ${specifier}`),
      );
    expect(wrong).toEqual([]);
  });

  it('no folder of the source has an import cycle', () => {
    const files = Object.keys(ALLOWED).flatMap(filesOf);
    const edges = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter(({ isType }) => !isType)
          .flatMap(({ target }) => target ?? []),
      ]),
    );
    expect(findCycle(edges)).toBeUndefined();
  });
});

interface Import {
  readonly specifier: string;
  /** The imported file, from the root; undefined for a module of Node or a package. */
  readonly target: string | undefined;
  readonly isType: boolean;
}

function filesOf(folder: string): readonly string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((file) => file.endsWith('.ts') && statSync(join(ROOT, file)).isFile());
}

function importsOf(file: string): readonly Import[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const found = source.matchAll(
    /(?:^|\n)\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g,
  );
  return [...found].map(([, isType, fromStatement, fromCall]) => {
    const specifier = fromStatement ?? fromCall ?? '';
    const target = specifier.startsWith('.')
      ? relative(ROOT, resolve(ROOT, dirname(file), specifier))
      : undefined;
    return { specifier, target, isType: isType !== undefined };
  });
}

function codeLinesOf(file: string): readonly string[] {
  return readFileSync(join(ROOT, file), 'utf8')
    .split('\n')
    .filter((line) => !/^\s*(\/\/|\*|\/\*)/.test(line));
}

function isPureModule(specifier: string): boolean {
  return specifier.startsWith('node:') ? !WORLDLY.test(specifier) : PURE_PACKAGES.includes(specifier);
}

function topOf(file: string): string {
  return file.split('/')[0] ?? '';
}

function findCycle(edges: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): readonly string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of edges.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle !== undefined) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of edges.keys()) {
    const cycle = visit(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
