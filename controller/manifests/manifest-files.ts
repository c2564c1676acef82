// What the manifests folder is to those that decide by it: ports. Adapters: disk-manifest-files.ts, chokidar-manifest-watch.ts.

/** A manifest file that is there. */
export interface ListedFile {
  /** From the folder, with slashes: its name in messages, annotations and the API. */
  readonly file: string;
  /** Where the adapter finds it. */
  readonly path: string;
  /** Another one once its content may have changed. */
  readonly version: string;
}

/** Something that is there and can't be taken; with a slash at its end a folder, and all that may be below it. `why` names it. */
export interface UnreadableFile {
  readonly file: string;
  readonly why: string;
}

/** A folder to watch. `id` is another one when it was replaced. */
export interface ListedFolder {
  readonly path: string;
  readonly id: string;
}

export interface FolderListing {
  readonly kind: 'listed';
  /** By name. */
  readonly files: readonly ListedFile[];
  /** By name. */
  readonly unreadable: readonly UnreadableFile[];
  readonly folders: readonly ListedFolder[];
}

/** Nothing is known of what is in the folder: it is missing, no folder, over a bound. */
export interface FolderProblem {
  readonly kind: 'problem';
  /** Without the folder's name. */
  readonly why: string;
}

/** `changed`: it is not what was listed any more, or gone. */
export type FileContent =
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'unreadable'; readonly why: string }
  | { readonly kind: 'changed' };

export interface ManifestFiles {
  /** What is there now; reads no file. Never rejects, but for the reason of an aborted `signal`. */
  list(signal: AbortSignal): Promise<FolderListing | FolderProblem>;
  /** Never rejects. */
  read(file: ListedFile): Promise<FileContent>;
}

/** Asks for a look when something happens in the folder. The resync is what is relied on. */
export interface ManifestWatch {
  /** Begins; `onEvent` is called for each happening, without saying which. Never throws. */
  start(onEvent: () => void): void;
  /** Watches these folders from now on; cheap when they are the same. Never throws. */
  follow(folders: readonly ListedFolder[]): void;
  close(): Promise<void>;
}
