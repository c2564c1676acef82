import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LockstepError } from '../../desired-state/errors.ts';
import {
  type AgentMessage,
  type ControllerMessage,
  encodeMessage,
  parseAgentMessage,
  parseControllerMessage,
} from '../../desired-state/wire.ts';
import { eventOf, LOCKED, statusAt } from '../conformance/store-fixtures.ts';

const hello: AgentMessage = {
  type: 'hello',
  protocol: 1,
  host: 'compute-0',
  bootId: 'boot-1',
  agentVersion: '0.1.0',
  network: 'local',
  features: [],
  roles: ['worker'],
  remembers: { generation: 7, spec: LOCKED },
};
const { host: _host, at, firstAt, count, actor: _actor, ...event } = eventOf('compute-0', 'recreated');

const agentMessages: readonly AgentMessage[] = [
  hello,
  { ...hello, remembers: null },
  { ...hello, remembers: { generation: 0, spec: null } },
  { type: 'heartbeat', sequence: 0, bootId: 'boot-1', observedGeneration: 7 },
  { type: 'status', status: statusAt(7) },
  { type: 'event', event, at, firstAt, count },
  { type: 'plan', id: '1', steps: ['create the persistent flag'], blocked: [] },
  { type: 'nack', re: 'desired', message: 'generation 6 is below 7' },
];
const controllerMessages: readonly ControllerMessage[] = [
  { type: 'desired', generation: 7, spec: LOCKED },
  { type: 'desired', generation: 7, spec: LOCKED, reason: 'disk', since: at },
  { type: 'ack', re: 'heartbeat', generation: 7 },
  { type: 'nack', re: 'reboot', message: 'unknown command' },
  { type: 'plan-request', id: '1' },
];

/** zod's own word for the type it received may stand before what was found; it adds nothing to that. */
const withoutReceived = (message: string) => message.replaceAll(/, received \w+(?=, found)/g, '');

function refusal(text: string): string {
  try {
    parseAgentMessage(text, 'compute-0');
  } catch (error) {
    if (error instanceof LockstepError && error.code === 'Invalid') return withoutReceived(error.message);
    throw error;
  }
  throw new Error('it was accepted');
}

describe('messages', () => {
  it.each(agentMessages)('from an agent arrive as they were sent: $type', (message) => {
    expect(parseAgentMessage(encodeMessage(message), 'x')).toEqual({ known: true, message });
  });

  it.each(controllerMessages)('from a controller arrive as they were sent: $type', (message) => {
    expect(parseControllerMessage(encodeMessage(message), 'x')).toEqual({ known: true, message });
  });

  it('of an unknown type are told apart from broken ones', () => {
    expect(parseAgentMessage('{"type":"reboot","when":"now"}', 'x')).toEqual({
      known: false,
      type: 'reboot',
    });
    expect(parseControllerMessage('{"type":"reboot"}', 'x')).toEqual({ known: false, type: 'reboot' });
  });

  it('of the other direction are unknown commands', () => {
    expect(parseControllerMessage(encodeMessage(hello), 'x')).toEqual({ known: false, type: 'hello' });
    expect(parseAgentMessage('{"type":"desired","generation":7}', 'x')).toEqual({
      known: false,
      type: 'desired',
    });
  });

  it('of a type that objects inherit are unknown like any other', () => {
    expect(parseAgentMessage('{"type":"constructor"}', 'x')).toEqual({ known: false, type: 'constructor' });
  });

  it('may carry fields of a newer peer, at any depth, which are ignored', () => {
    const newer = {
      ...hello,
      zone: 'a',
      remembers: { generation: 7, spec: { ...LOCKED, drained: true }, x: 1 },
    };
    expect(parseAgentMessage(JSON.stringify(newer), 'x')).toEqual({ known: true, message: hello });
    const desired = { type: 'desired', generation: 7, spec: { ...LOCKED, drained: true }, ttl: 5 };
    expect(parseControllerMessage(JSON.stringify(desired), 'x')).toEqual({
      known: true,
      message: { type: 'desired', generation: 7, spec: LOCKED },
    });
  });
});

describe('a malformed message', () => {
  it.each([
    ['no JSON', '{"type":', /^message from compute-0: expected JSON, found /],
    ['no object', '[]', /^message from compute-0: \(root\): expected object, found \[\]$/],
    ['no type', '{}', /^message from compute-0: type: expected string/],
    ['a type that is no word', '{"type":7}', /^message from compute-0: type: expected string, found 7$/],
    ['an endless type', `{"type":"${'x'.repeat(65)}"}`, /^message from compute-0: type: Too big/],
    [
      'a wrong type inside',
      JSON.stringify({ ...hello, remembers: { generation: '7', spec: LOCKED } }),
      /^message hello from compute-0: remembers\.generation: expected number, found "7"$/,
    ],
    [
      'a host name that is a path',
      JSON.stringify({ ...hello, host: '../etc' }),
      /^message hello from compute-0: host: expected an RFC 1123 label .*, found "\.\.\/etc"$/,
    ],
    [
      'a missing field',
      '{"type":"heartbeat","sequence":1,"bootId":"b"}',
      /^message heartbeat from compute-0: observedGeneration: expected number, found nothing$/,
    ],
    [
      'a generation below 0',
      '{"type":"heartbeat","sequence":1,"bootId":"b","observedGeneration":-1}',
      /observedGeneration: Too small: .*>=0, found -1$/,
    ],
    [
      'a generation above all that a store comes to',
      '{"type":"heartbeat","sequence":1,"bootId":"b","observedGeneration":1000000000000001}',
      /observedGeneration: Too big: .*<=1000000000000000, found 1000000000000001$/,
    ],
    [
      'a generation that is no whole number',
      '{"type":"heartbeat","sequence":1,"bootId":"b","observedGeneration":1.5}',
      /observedGeneration: expected int, found 1\.5$/,
    ],
  ])('is refused, naming path, expected and found: %s', (_, text, message) => {
    expect(refusal(text)).toMatch(message);
  });

  it('never ends in anything but a clear refusal, whatever arrives', () => {
    const anything = fc.oneof(fc.string(), fc.json());
    const almost = fc.record({ type: fc.constantFrom('hello', 'status', 'event'), status: fc.jsonValue() });
    fc.assert(
      fc.property(
        fc.oneof(
          anything,
          almost.map((value) => JSON.stringify(value)),
        ),
        (text) => {
          try {
            parseAgentMessage(text, 'x');
          } catch (error) {
            expect(error).toMatchObject({ name: 'LockstepError', code: 'Invalid' });
          }
        },
      ),
    );
  });
});
