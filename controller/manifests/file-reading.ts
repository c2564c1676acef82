// A manifest file as it now stands, for those that plan by it.
import type { Manifest } from '../../desired-state/manifest.ts';

/**
 * `refused`: it is there and can't be taken; with a slash at its end it is a folder, and speaks for all files below it. `pending`: it is there and was not
 * read yet. `gone`: hosts still name it, and it may only be on its way back.
 */
export type FileReading = ReadFile | UnreadFile;

interface ReadFile {
  readonly kind: 'read';
  readonly file: string;
  readonly manifests: readonly Manifest[];
  /** Somebody changed it while this controller ran, and that is not applied yet. */
  readonly isExplicit: boolean;
}

interface UnreadFile {
  readonly kind: 'refused' | 'pending' | 'gone';
  readonly file: string;
  /** A sentence that names the file. */
  readonly why: string;
}

/** The longest sentence about a file, in characters: an event takes no more. */
const MAX_SENTENCE = 4_096;

/** To what an event takes. */
export function cutSentence(sentence: string): string {
  return sentence.slice(0, MAX_SENTENCE);
}

/** Of `a/b/c.yaml`: `a/`, `a/b/`. */
export function foldersAbove(file: string): readonly string[] {
  return [...file.matchAll(/\//g)].map(({ index }) => file.slice(0, index + 1));
}
