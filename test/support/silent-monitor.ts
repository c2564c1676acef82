// Measures nothing: for whatever is no test of metrics.
import type { AgentMonitor } from '../../node-agent/agent-monitor.ts';

export const silentMonitor: AgentMonitor = {
  passAsked: () => {},
  passBegan: () => {},
  passEnded: () => {},
  corrected: () => {},
};
