// What a power cut could leave at a path, without cutting: for invariants that speak of durability.
import { posix } from 'node:path';
import type { FileKind } from '../../../node-agent/disk.ts';
import type { DiskNode, EntryChange, FolderNode } from './inodes.ts';

/** `content` null: torn or garbage, or no file. */
export interface Survivor {
  readonly kind: FileKind;
  readonly content: string | null;
}

const MAX_LINKS = 8;

/** Never empty; never leaves a possibility out, and may name one that a lucky order excludes. */
export function survivorsAt(
  root: FolderNode,
  journal: readonly EntryChange[],
  path: string,
): readonly Survivor[] {
  const found = new Map<string, Survivor>();
  for (const node of possibleNodes(root, journal, path, 0)) {
    for (const survivor of outcomes(node)) found.set(`${survivor.kind} ${survivor.content}`, survivor);
  }
  return [...found.values()];
}

type MaybeNode = DiskNode | undefined;

function possibleNodes(
  root: FolderNode,
  journal: readonly EntryChange[],
  path: string,
  links: number,
): Set<MaybeNode> {
  let nodes = new Set<MaybeNode>([root]);
  let walked = '/';
  for (const part of posix.resolve('/', path).split('/')) {
    if (part === '') continue;
    const next = new Set<MaybeNode>();
    for (const node of followed(nodes, walked)) {
      for (const entry of node?.kind === 'folder' ? entriesOf(node, part) : [undefined]) next.add(entry);
    }
    nodes = next;
    walked = posix.join(walked, part);
  }
  return nodes;

  function* followed(from: Set<MaybeNode>, at: string): Iterable<MaybeNode> {
    for (const node of from) {
      if (node?.kind !== 'link') yield node;
      else if (links < MAX_LINKS) {
        const target = posix.resolve(posix.dirname(at), node.target);
        yield* followed(possibleNodes(root, journal, target, links + 1), target);
      } else yield undefined;
    }
  }

  function entriesOf(folder: FolderNode, name: string): Set<MaybeNode> {
    const entries = new Set<MaybeNode>([folder.durable.get(name)]);
    for (const { edits } of journal) {
      for (const edit of edits) {
        if (edit.folder === folder && edit.name === name) entries.add(edit.node);
      }
    }
    return entries;
  }
}

function outcomes(node: MaybeNode): readonly Survivor[] {
  if (node === undefined) return [{ kind: 'absent', content: null }];
  if (node.kind !== 'file') return [{ kind: node.kind, content: null }];
  if (!node.dirty) return [{ kind: 'file', content: node.content }];
  return [node.durable, node.content, null].map((content) => ({ kind: 'file', content }));
}
