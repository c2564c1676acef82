// Turns zod's issues into sentences: which path, what was expected, what was found.
import type { z } from 'zod';
import { LockstepError } from './errors.ts';

/** Issues named in one message at most; the rest is counted. */
const MAX_ISSUES = 5;

/**
 * Parses `input` with `schema`.
 * @param where names the source for the reader: a file, `request body`, `message from compute-0`.
 * @throws LockstepError `Invalid`, naming `where`, the path, what was expected and what was found.
 */
export function parseOrThrow<T>(schema: z.ZodType<T>, input: unknown, where: string): T {
  const result = schema.safeParse(input, { reportInput: true });
  if (result.success) return result.data;
  throw new LockstepError('Invalid', `${where}: ${describeIssues(result.error.issues)}`);
}

/** One sentence for all issues, at most {@link MAX_ISSUES} of them spelled out. */
export function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  const spelled = issues.slice(0, MAX_ISSUES).map(describeIssue);
  const rest = issues.length - spelled.length;
  return spelled.join('; ') + (rest > 0 ? `; and ${rest} more` : '');
}

function describeIssue(issue: z.core.$ZodIssue): string {
  const path = issue.path.length === 0 ? '(root)' : issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return `${path}: unknown field${issue.keys.length > 1 ? 's' : ''} ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`;
  }
  // The key's own issue says what was expected of it; this one only that it is wrong.
  const told = issue.code === 'invalid_key' ? (issue.issues[0] ?? issue) : issue;
  return `${path}: ${told.message.replace(/^Invalid input: /, '')}, found ${found(issue.input)}`;
}

function found(input: unknown): string {
  if (input === undefined) return 'nothing';
  // JSON has no word for NaN and the infinities, and writes null.
  const text = typeof input === 'number' ? String(input) : (JSON.stringify(input) ?? typeof input);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
