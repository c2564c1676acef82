// What was last read of each manifest file: unchanged files are not read again, and it is known which ones somebody changed while this controller ran.
// It touches the folder through its port and decides nothing about hosts.
import { createHash } from 'node:crypto';
import { messageOf } from '../../desired-state/errors.ts';
import type { Manifest } from '../../desired-state/manifest.ts';
import { cutSentence, type FileReading, foldersAbove } from './file-reading.ts';
import type { FolderListing, ListedFile, ManifestFiles } from './manifest-files.ts';
import { decodeManifests, parseManifests } from './parse-manifests.ts';

export interface ManifestReadingsDeps {
  readonly files: ManifestFiles;
  /** Lets everything else have its turn. */
  readonly turn: () => Promise<void>;
}

export class ManifestReadings {
  readonly #files: ManifestFiles;
  readonly #turn: () => Promise<void>;
  readonly #known = new Map<string, KnownFile>();
  /** Folders that could not be looked into at the last look: what turns up below them is not new. */
  #unseen: ReadonlySet<string> = new Set();
  /** The folder was read once: what turns up later is new. */
  #isBaselined = false;

  constructor({ files, turn }: ManifestReadingsDeps) {
    this.#files = files;
    this.#turn = turn;
  }

  /** All files of `listing`, by name; reads those whose version is another one than when they were last read. @throws the signal's reason. */
  async update(listing: FolderListing, signal: AbortSignal): Promise<readonly FileReading[]> {
    const readings: FileReading[] = [];
    for (const listed of listing.files) readings.push(await this.#reading(listed, signal));
    for (const { file, why } of listing.unreadable) {
      const known = this.#known.get(file);
      this.#known.set(file, {
        ...known,
        version: undefined,
        content: { why },
        isExplicit: known?.isExplicit ?? false,
      });
      readings.push({ kind: 'refused', file, why });
    }
    this.#forgetBut(listing);
    return readings.sort((a, b) => (a.file < b.file ? -1 : 1));
  }

  /** What was changed in `file` is done: from now on it is only being read again. */
  applied(file: string): void {
    const known = this.#known.get(file);
    if (known !== undefined) this.#known.set(file, { ...known, isExplicit: false });
  }

  async #reading(listed: ListedFile, signal: AbortSignal): Promise<FileReading> {
    const { file } = listed;
    const before = this.#known.get(file);
    if (before !== undefined && before.version === listed.version) return readingOf(file, before);
    signal.throwIfAborted();
    await this.#turn();
    const found = await this.#files.read(listed);
    const unread = {
      digest: before?.digest,
      version: undefined,
      isExplicit: before?.isExplicit ?? this.#isNew(file),
    };
    if (found.kind === 'bytes') return readingOf(file, this.#take(listed, found.bytes, before));
    const why = found.kind === 'changed' ? `${file}: it changed while it was read` : cutSentence(found.why);
    this.#known.set(file, { ...unread, content: { why } });
    return { kind: found.kind === 'changed' ? 'pending' : 'refused', file, why };
  }

  #take({ file, version }: ListedFile, bytes: Uint8Array, before: KnownFile | undefined): KnownFile {
    const digest = createHash('sha256').update(bytes).digest('base64');
    const isEdited = before?.digest !== undefined && before.digest !== digest;
    const isExplicit = isEdited || (before?.isExplicit ?? this.#isNew(file));
    const known: KnownFile = { version, digest, isExplicit, content: contentOf(file, bytes) };
    this.#known.set(file, known);
    return known;
  }

  /** Nobody's change: what the first look finds, and what was there but could not be seen. */
  #isNew(file: string): boolean {
    return this.#isBaselined && !this.#isUnseen(file);
  }

  #forgetBut({ files, unreadable }: FolderListing): void {
    this.#unseen = new Set(unreadable.map(({ file }) => file).filter((file) => file.endsWith('/')));
    const there = new Set([...files, ...unreadable].map(({ file }) => file));
    for (const file of this.#known.keys()) {
      if (!there.has(file) && !this.#isUnseen(file)) this.#known.delete(file);
    }
    this.#isBaselined = true;
  }

  #isUnseen(file: string): boolean {
    return foldersAbove(file).some((folder) => this.#unseen.has(folder));
  }
}

type Content = { readonly manifests: readonly Manifest[] } | { readonly why: string };

interface KnownFile {
  /** Undefined: read it at the next look, whatever its version. */
  readonly version: string | undefined;
  /** Of the bytes that were last read. */
  readonly digest?: string | undefined;
  readonly content: Content;
  /** Somebody changed it while this controller ran, and that is not applied yet. */
  readonly isExplicit: boolean;
}

/** Whatever a parser throws is about the file. */
function contentOf(file: string, bytes: Uint8Array): Content {
  try {
    const manifests = parseManifests(decodeManifests(bytes, file), file).map(({ manifest }) => manifest);
    return { manifests };
  } catch (error) {
    const why = messageOf(error);
    return { why: cutSentence(why.startsWith(file) ? why : `${file}: ${why}`) };
  }
}

function readingOf(file: string, { content, isExplicit }: KnownFile): FileReading {
  if ('why' in content) return { kind: 'refused', file, why: content.why };
  return { kind: 'read', file, manifests: content.manifests, isExplicit };
}
