// Known-bad variants of the production code, as patches of its source: the simulation must catch each of them. A patch whose text is no longer found
// fails the test, so the list can't go stale.

export interface Sabotage {
  /** What is wrong, as a sentence. */
  readonly name: string;
  /** The first of the 1,000 seeds: near one that is known to find it, where that saves a minute. Default 1. */
  readonly from?: number;
  readonly patches: readonly {
    readonly file: string;
    /** Stands exactly once in the file. */
    readonly find: string;
    readonly replace: string;
  }[];
}

export const SABOTAGES: readonly Sabotage[] = [
  {
    name: 'a written file is not synced',
    patches: [
      {
        file: 'node-agent/atomic-write.ts',
        find: 'if (isSynced === true) await disk.createSynced(path, content, mode);',
        replace: 'if (isSynced === true) await disk.create(path, content, mode);',
      },
    ],
  },
  {
    name: 'a draft is not synced',
    patches: [
      {
        file: 'node-agent/drafts.ts',
        find: 'await this.#disk.createSynced(path + TEMPORARY_SUFFIX, content, mode);',
        replace: 'await this.#disk.create(path + TEMPORARY_SUFFIX, content, mode);',
      },
    ],
  },
  {
    name: 'a draft takes its place before it is whole',
    patches: [
      {
        file: 'node-agent/drafts.ts',
        find: 'const isWhole = await begun.isWhole;',
        replace: 'const isWhole = true;',
      },
    ],
  },
  {
    name: 'the folder of a written file is not synced',
    patches: [
      { file: 'node-agent/atomic-write.ts', find: 'await options.folders.sync(dirname(path));', replace: '' },
    ],
  },
  {
    name: 'the folder of the copies is not synced',
    patches: [
      { file: 'node-agent/spec-copies.ts', find: 'await this.#folders.sync(this.#stateDir);', replace: '' },
    ],
  },
  {
    name: 'the folder of the copies is synced while they are written',
    patches: [
      {
        file: 'reconcilers/copy/copy-plan.ts',
        find: '(made.length === 0 ? [] : [SETTLE])',
        replace: '(made.length === 0 ? [] : [{ ...SETTLE, beside: true }])',
      },
    ],
  },
  {
    name: 'copies that failed to be written or settled count as remembered',
    patches: [
      {
        file: 'reconcilers/copy/copy-reconciler.ts',
        find: 'if (failure === undefined) continue;',
        replace: 'if (true) continue;',
      },
    ],
  },
  {
    name: 'the folder of a removed flag is not synced',
    patches: [
      { file: 'node-agent/flag-files.ts', find: 'await this.#folders.sync(dirname(path));', replace: '' },
    ],
  },
  {
    name: 'folders above a flag or copy are not synced',
    from: 400,
    patches: [
      {
        file: 'node-agent/durable-folders.ts',
        find: '...foldersAbove(folder).map((each) => this.#syncAbove(each)),',
        replace: '',
      },
    ],
  },
  {
    name: 'folders above a flag or copy are synced once and never again',
    patches: [
      {
        file: 'node-agent/durable-folders.ts',
        find: 'version === this.#synced.get(folder)',
        replace: 'this.#synced.has(folder)',
      },
    ],
  },
  {
    name: 'the flags change before the copy is written',
    patches: [
      {
        file: 'node-agent/flags-pass.ts',
        find: 'const result = await copies.reconcile(wanted);',
        replace:
          'knowledge.remembered(wanted.generation); const result = { remembered: true, failure: undefined }; void copies.reconcile(wanted);',
      },
    ],
  },
  {
    name: 'an older copy is kept, and fallen back on',
    patches: [
      {
        file: 'reconcilers/copy/copy-plan.ts',
        find: 'const reason = whyWrite(seen, wanted, durability);',
        replace:
          "const reason = copy === 'desired-b.json' && seen.state === 'valid' ? undefined : whyWrite(seen, wanted, durability);",
      },
    ],
  },
  {
    name: 'a copy that failed to be synced is only synced again',
    from: 640,
    patches: [
      {
        file: 'reconcilers/copy/copy-reconciler.ts',
        find: "this.#durability = 'suspect';",
        replace: "this.#durability = 'confirmed';",
      },
    ],
  },
  {
    name: 'the volatile flag changes first',
    patches: [
      {
        file: 'reconcilers/flags/flag-files.ts',
        find: "export const FLAG_NAMES = ['persistent', 'volatile'] as const;",
        replace: "export const FLAG_NAMES = ['volatile', 'persistent'] as const;",
      },
    ],
  },
  {
    name: 'the volatile flag is removed although the persistent one could not be',
    patches: [
      {
        file: 'reconcilers/flags/flags-reconciler.ts',
        find: 'if (failures.length > 0 && !step.restrictive) break;',
        replace: '',
      },
    ],
  },
  {
    name: 'a generation is acknowledged before it is on the disk',
    patches: [
      { file: 'node-agent/flags-pass.ts', find: 'if (result.inSync && isRemembered)', replace: 'if (true)' },
    ],
  },
  {
    name: 'a pass waits for copies whose disk hangs, however long',
    patches: [
      {
        file: 'node-agent/flags-pass.ts',
        find: 'if (await endsWithin(COPIES_LIMIT_MS, remembering, this.#options.clock)) return remembering;',
        replace: 'if (true) return remembering;',
      },
    ],
  },
  {
    name: 'a flag that was durable a while ago is acknowledged as it is',
    from: 3_900,
    patches: [
      {
        file: 'reconcilers/flags/flags-reconciler.ts',
        find: 'const isKnown = confirmed && desired.isUnacknowledged !== true;',
        replace: 'const isKnown = confirmed;',
      },
    ],
  },
  {
    name: 'a copy that could not be read before is overwritten, whatever it says',
    from: 64_200,
    patches: [
      {
        file: 'reconcilers/copy/copy-plan.ts',
        find: 'if (areOurs) return undefined;',
        replace: 'return undefined;',
      },
    ],
  },
  {
    name: 'a lower generation is accepted',
    patches: [
      {
        file: 'node-agent/knowledge.ts',
        find: "if (offered.generation < this.generation) return 'behind';",
        replace: '',
      },
    ],
  },
  {
    name: 'an unlock that is not remembered is begun',
    patches: [
      {
        file: 'node-agent/knowledge.ts',
        find: 'const { locked, lock } = newest.spec.locked ? whole : before;',
        replace: 'const { locked, lock } = whole;',
      },
    ],
  },
  {
    name: 'a flag says the generation of an unlock that is not begun',
    patches: [
      {
        file: 'node-agent/knowledge.ts',
        find: 'const { locked, lock } = newest.spec.locked ? whole : before;',
        replace: 'const { locked } = newest.spec.locked ? whole : before; const { lock } = whole;',
      },
    ],
  },
  {
    name: 'absence of everything means unlocked',
    patches: [
      {
        file: 'node-agent/knowledge.ts',
        find: "return { locked: 'leave', servicesEnabled: 'leave', generation: 0, lock: bare(0) };",
        replace: "return { locked: false, servicesEnabled: 'leave', generation: 0, lock: bare(0) };",
      },
    ],
  },
  {
    name: 'a flag without a copy means nothing',
    patches: [
      {
        file: 'node-agent/recall.ts',
        find: 'if (known !== undefined || anyFlag(flags))',
        replace: 'if (known !== undefined)',
      },
    ],
  },
  {
    name: 'services start before the flags are as desired',
    patches: [
      {
        file: 'node-agent/services-pass.ts',
        find: 'const startsHeldBy = notTried ?? flagsHold(desired, flags) ?? this.#graceHold() ?? this.#gatesHold();',
        replace: 'const startsHeldBy = this.#graceHold() ?? this.#gatesHold();',
      },
    ],
  },
  {
    name: 'services start before the gates passed',
    patches: [{ file: 'node-agent/services-pass.ts', find: ' ?? this.#gatesHold();', replace: ';' }],
  },
  {
    name: 'services are decided by what was known before they were asked',
    patches: [
      {
        file: 'node-agent/services-pass.ts',
        find: 'desired = this.#options.knowledge.desired;\n        this.#isHeldByFlags',
        replace: 'this.#isHeldByFlags',
      },
      {
        file: 'reconcilers/services/operations.ts',
        find: ' || !this.#options.mayBegin(verb)',
        replace: '',
      },
    ],
  },
  {
    name: 'a pass awaits the scripts that it began',
    from: 30,
    patches: [
      {
        file: 'reconcilers/services/services-reconciler.ts',
        find: 'return { observed, plan, lookedAt: changes };',
        replace:
          'while (this.isBusy) await new Promise<void>((resolve) => void this.#clock.setTimer(20, resolve)); return { observed, plan, lookedAt: changes };',
      },
    ],
  },
  {
    name: 'a second operation of a service is begun while one is under way',
    patches: [
      {
        file: 'reconcilers/services/service-plan.ts',
        find: ' && !input.inFlight.has(seen.service.id)',
        replace: '',
      },
      {
        file: 'reconcilers/services/operations.ts',
        find: 'if (this.#inFlight.has(service.id)) return;',
        replace: '',
      },
    ],
  },
  {
    name: 'there is no resync',
    patches: [
      {
        file: 'reconcilers/loop/control-loop.ts',
        find: 'for (const key of this.#keys) this.request(key);',
        replace: '',
      },
    ],
  },
  {
    name: 'a link at a flag’s path passes for the flag',
    patches: [
      {
        file: 'node-agent/flag-files.ts',
        find: "return { state: 'obstructed', by: 'a link' };",
        replace: "return { state: 'present', generation: null };",
      },
    ],
  },
  {
    name: 'a converged host reports at every resync',
    patches: [
      {
        file: 'node-agent/agent.ts',
        find: 'const isMended =',
        replace: 'this.#reporter.resend(); const isMended =',
      },
    ],
  },
  {
    name: 'a controller numbers a change below what the agent reported',
    from: 55,
    patches: [
      {
        file: 'desired-state/store/write-rules.ts',
        find: 'Math.max(current?.generation ?? 0, current?.reportedGeneration ?? 0, write.generationFloor)',
        replace: 'Math.max(current?.generation ?? 0, write.generationFloor)',
      },
    ],
  },
];
